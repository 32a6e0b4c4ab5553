// SPDX-License-Identifier: GPL-2.0-or-later
// The spawner of `dyldctl bench`: statistics, samples, system calls, failures.
#include "bench/chart.h"
#include "bench/compare.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sharedregion;

namespace {

const std::vector<BenchCommand> kCommands = {{"/bin/true", {"true"}}, {"/bin/sh", {"sh", "-c", "exit 5"}}};

Outcome<SpawnServer> plain_server() {
    return SpawnServer::start(kCommands, -1, [] { return Done(Success{}); });
}

CommandResult result_for_chart(const std::string &path, const std::string &decision) {
    CommandResult result = {};
    result.command = {path, {path}};
    result.decision = decision;
    result.ratio = 0.5;
    result.paired = {0.5, 0.45, 0.55, 0.05};
    return result;
}

TEST(statistics, median_and_quartiles_interpolate) {
    Summary summary = summarize({4, 1, 3, 2});
    EXPECT_DOUBLE_EQ(summary.median, 2.5);
    EXPECT_DOUBLE_EQ(summary.lower_quartile, 1.75);
    EXPECT_DOUBLE_EQ(summary.upper_quartile, 3.25);
    EXPECT_DOUBLE_EQ(summary.mad, 1.0);
}

TEST(statistics, one_value_has_no_spread) {
    Summary summary = summarize({7});
    EXPECT_DOUBLE_EQ(summary.median, 7);
    EXPECT_DOUBLE_EQ(summary.upper_quartile, 7);
    EXPECT_DOUBLE_EQ(summary.mad, 0);
}

TEST(spawn_server, tells_time_faults_and_status) {
    Outcome<SpawnServer> server = plain_server();
    ASSERT_TRUE(server.ok());
    Outcome<SpawnSample> sample = server.value().spawn(0);
    ASSERT_TRUE(sample.ok());
    EXPECT_GT(sample.value().nanoseconds, 0);
    EXPECT_GT(sample.value().minor_faults, 0);
    EXPECT_EQ(sample.value().status, 0);
    EXPECT_EQ(WEXITSTATUS(server.value().spawn(1).value().status), 5);
}

TEST(spawn_server, a_failed_preparation_is_the_failure) {
    Outcome<SpawnServer> server =
        SpawnServer::start(kCommands, -1, [] { return Done(Failure::about("x", "no")); });
    ASSERT_FALSE(server.ok());
    EXPECT_EQ(server.error().what, "x: no");
}

TEST(spawn_server, counts_system_calls_up_to_the_entry_and_in_all) {
    Outcome<SpawnServer> server = plain_server();
    ASSERT_TRUE(server.ok());
    Outcome<SyscallCount> count = server.value().count_syscalls(0);
    ASSERT_TRUE(count.ok());
    if (count.value().total < 0)
        GTEST_SKIP() << "ptrace is not allowed here";
    EXPECT_GT(count.value().before_entry, 5);
    EXPECT_GT(count.value().total, count.value().before_entry);
    EXPECT_EQ(server.value().count_syscalls(0).value().before_entry, count.value().before_entry)
        << "a second time";
}

TEST(spawn_server, a_variable_reaches_the_program) {
    const std::vector<BenchCommand> echo = {{"/bin/sh", {"sh", "-c", "echo \"$ASKED\" >&2"}}};
    Outcome<SpawnServer> server = SpawnServer::start(echo, -1, [] { return Done(Success{}); });
    ASSERT_TRUE(server.ok());
    EXPECT_EQ(server.value().first_error_line(0, "ASKED=yes").value(), "yes");
}

TEST(spawn_server, dies_with_what_it_started) {
    const std::vector<BenchCommand> sleeper = {{"/bin/sleep", {"sleep", "1000"}}};
    pid_t server_pid;
    {
        Outcome<SpawnServer> server = SpawnServer::start(sleeper, -1, [] { return Done(Success{}); });
        ASSERT_TRUE(server.ok());
        server_pid = fork();
        if (server_pid == 0) {
            (void)server.value().spawn(0);
            _exit(0);
        }
        usleep(50000);
    }
    int status;
    ASSERT_EQ(waitpid(server_pid, &status, 0), server_pid); // the killed server is an error for who asked it
    EXPECT_EQ(status, 0);
}

TEST(comparison, of_a_command_with_itself_is_about_one) {
    Outcome<SpawnServer> a = plain_server(), b = plain_server();
    ASSERT_TRUE(a.ok() && b.ok());
    CompareOptions options;
    options.runs = 10;
    Outcome<std::vector<CommandResult>> results = compare(kCommands, &a.value(), &b.value(), options);
    ASSERT_TRUE(results.ok());
    ASSERT_EQ(results.value().size(), 2U);
    EXPECT_GT(results.value()[0].ratio, 0.2);
    EXPECT_LT(results.value()[0].ratio, 5);
    EXPECT_EQ(results.value()[0].decision, "none");
}

TEST(chart, quotes_names) {
    std::string script = chart_script({result_for_chart("/bin/it's", "prebuilt 00")}, "o'ut.svg");
    EXPECT_NE(script.find("'it''s'"), std::string::npos);
    EXPECT_NE(script.find("set output 'o''ut.svg'"), std::string::npos);
}

TEST(chart, says_what_was_not_prebuilt) {
    std::string script = chart_script({result_for_chart("/bin/x", "jit no-set")}, "out.svg");
    EXPECT_NE(script.find("x (jit no-set)"), std::string::npos);
}

TEST(chart, another_format_is_refused) {
    EXPECT_FALSE(write_chart({result_for_chart("/bin/x", "prebuilt 00")}, "out.txt").ok());
}

TEST(chart, in_a_missing_directory_is_refused_before_anything_is_measured) {
    if (system("command -v gnuplot >/dev/null") != 0)
        GTEST_SKIP() << "no gnuplot here";
    EXPECT_EQ(check_chart("/nonexistent/chart.svg").error().code, ENOENT);
}

TEST(chart, is_checked_without_leaving_a_file) {
    if (system("command -v gnuplot >/dev/null") != 0)
        GTEST_SKIP() << "no gnuplot here";
    const std::string file = "/tmp/bench-test-" + std::to_string(getpid()) + ".svg";
    EXPECT_TRUE(check_chart(file).ok());
    EXPECT_NE(access(file.c_str(), F_OK), 0);
}

TEST(chart, is_written_as_svg_and_png) {
    if (system("command -v gnuplot >/dev/null") != 0)
        GTEST_SKIP() << "no gnuplot here";
    char name[] = "/tmp/bench-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    for (std::string file : {"/chart.svg", "/chart.png"}) {
        Done done = write_chart({result_for_chart("/bin/x", "prebuilt 00")}, name + file);
        EXPECT_TRUE(done.ok()) << done.error().message();
        EXPECT_EQ(unlink((name + file).c_str()), 0);
    }
    rmdir(name);
}

} // namespace
