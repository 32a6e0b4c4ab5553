// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/system/service_manager.h"

#include "daemon/files/child.h"

#include <sys/stat.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kSystemctl[] = "/bin/systemctl";

Outcome<ChildResult> run(const std::vector<std::string> &arguments, std::string *errors) {
    std::vector<std::string> all = {kSystemctl, "--no-pager", "--no-ask-password"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_child(all,
                     [errors](const std::string &line) { *errors += (errors->empty() ? "" : "; ") + line; });
}

} // namespace

bool is_systemd_running() {
    struct stat st;
    return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode) && access(kSystemctl, X_OK) == 0;
}

Done systemctl(const std::vector<std::string> &arguments) {
    std::string errors;
    ChildResult result = TRY(run(arguments, &errors));
    if (result.status == 0)
        return Success{};
    std::string words = "systemctl";
    for (const std::string &argument : arguments)
        words += " " + argument;
    return Failure::about("",
                          words + ": " + status_text(result.status) + (errors.empty() ? "" : ": " + errors));
}

std::string unit_property(const std::string &unit, const std::string &property) {
    std::string errors;
    Outcome<ChildResult> result = run({"show", "--value", "--property=" + property, "--", unit}, &errors);
    std::string value = result.ok() && result.value().status == 0 ? result.value().output : "";
    while (!value.empty() && value.back() == '\n')
        value.pop_back();
    return value;
}

} // namespace sharedregion
