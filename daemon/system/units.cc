// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/system/units.h"

#include "daemon/files/mapped_file.h"
#include "daemon/state/loader_record.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sharedregion {

namespace {

constexpr char kDropInName[] = "/50-shared-region.conf";
constexpr char kServiceSuffix[] = ".service";

// systemd.syntax(7), systemd.unit(5): within double quotes a backslash escapes; % begins a specifier, $ a
// variable of a command line.
std::string quoted(const std::string &word) {
    std::string text = "\"";
    for (char c : word) {
        if (c == '"' || c == '\\')
            text += '\\';
        text += c;
        if (c == '%')
            text += c;
    }
    return text + "\"";
}

std::string command_word(const std::string &word) {
    std::string text;
    for (char c : quoted(word)) {
        text += c;
        if (c == '$')
            text += c;
    }
    return text;
}

bool has_text(const std::string &path, const std::string &text) {
    Outcome<MappedFile> file = MappedFile::open(path);
    if (!file.ok())
        return false;
    ByteView bytes = file.value().bytes();
    return bytes.size() == text.size() && memcmp(bytes.data(), text.data(), text.size()) == 0;
}

std::string directory_of(const std::string &path) {
    return path.substr(0, path.rfind('/'));
}

} // namespace

std::string system_unit_text(const std::string &program, const std::string &state) {
    const std::string command = command_word(program) + " --state " + command_word(state) + " --quiet ";
    return "# Written by `dyldctl enable --system`; `dyldctl disable --system` removes it.\n"
           "[Unit]\n"
           "Description=Programs start from the shared cache\n"
           "Documentation=man:dyldctl(1)\n"
           "RequiresMountsFor=" +
           quoted(state) +
           "\n"
           "After=systemd-modules-load.service systemd-tmpfiles-setup.service\n"
           "\n"
           "[Service]\n"
           "Type=oneshot\n"
           "RemainAfterExit=yes\n"
           "ExecStartPre=-modprobe --quiet shared_region\n"
           "ExecStart=" +
           command +
           "activate\n"
           "ExecStart=" +
           command +
           "interpreter set\n"
           "ExecStop=" +
           command +
           "interpreter clear\n"
           "\n"
           "[Install]\n"
           "WantedBy=multi-user.target\n";
}

std::string drop_in_text(const std::string &state, const std::string &genuine) {
    auto bind = [](const std::string &from, const std::string &to, const char *option) {
        return "BindReadOnlyPaths=" + quoted("-" + from) + ":" + quoted(to) + option + "\n";
    };
    // norbind: the directory without what is mounted on files in it, so that the order does not matter.
    return "# Written by `dyldctl enable --unit`; `dyldctl disable --unit` removes it.\n"
           "[Service]\n" +
           bind(directory_of(genuine), state + "/" + kGenuineDirectoryName, ":norbind") +
           bind(state + "/" + kLoaderName, genuine, "");
}

std::string service_name(const std::string &name) {
    const std::string suffix = kServiceSuffix;
    std::string full = name.ends_with(suffix) ? name : name + suffix;
    if (full.size() <= suffix.size() || full.size() > 255 || full[0] == '-' || full[0] == '.')
        return "";
    for (char c : full)
        if (isalnum(static_cast<unsigned char>(c)) == 0 && strchr(":-_.\\@", c) == nullptr)
            return "";
    return full;
}

std::string drop_in_path(const std::string &directory, const std::string &service) {
    return directory + "/" + service + ".d" + kDropInName;
}

std::vector<std::string> services_with_drop_in(const std::string &directory) {
    std::vector<std::string> services;
    UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid())
        return services;
    Outcome<std::vector<std::string>> names = list_directory(fd.get(), directory);
    for (const std::string &name : names.ok() ? names.value() : std::vector<std::string>()) {
        std::string service = name.substr(0, name.size() - std::min<size_t>(name.size(), 2));
        if (name.ends_with(".service.d") && access(drop_in_path(directory, service).c_str(), F_OK) == 0)
            services.push_back(std::move(service));
    }
    return services;
}

// By rename, so that systemd never reads half a file.
Outcome<bool> write_unit(const std::string &path, const std::string &text) {
    if (has_text(path, text))
        return false;
    TRY(make_parents(path, 0755));
    const std::string temporary = path + "." + random_hex(16);
    UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd.valid())
        return Failure::system(errno, temporary, "cannot make");
    if (write(fd.get(), text.data(), text.size()) == ssize_t(text.size()) && fsync(fd.get()) == 0 &&
        rename(temporary.c_str(), path.c_str()) == 0)
        return true;
    int code = errno;
    unlink(temporary.c_str());
    return Failure::system(code, path, "cannot write");
}

Outcome<bool> remove_unit(const std::string &path) {
    if (unlink(path.c_str()) != 0)
        return errno == ENOENT ? Outcome<bool>(false) : Failure::system(errno, path, "cannot remove");
    if (std::string directory = directory_of(path); directory.ends_with(".d"))
        (void)rmdir(directory.c_str()); // others may have put their own drop-ins there
    return true;
}

} // namespace sharedregion
