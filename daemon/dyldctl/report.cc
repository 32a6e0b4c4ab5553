// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/report.h"

#include "daemon/dyldctl/output.h"

namespace sharedregion {

namespace {

// More lines would hide the first ones.
constexpr size_t kToldSets = 5;

} // namespace

Json to_json(const Stale &stale) {
    return Json{{"reason", stale.reason}, {"detail", stale.detail}};
}

Json to_json(const LargeText &text) {
    return Json{{"bytes", text.bytes}, {"large", text.large}};
}

Json to_json(const Activation &activation) {
    Json left_out = Json::array();
    for (const LeftOutSet &set : activation.left_out)
        left_out.push_back({{"path", set.program}, {"reason", set.why.reason}, {"detail", set.why.detail}});
    Json json = {{"directory", activation.directory}, {"sets", activation.sets},
                 {"bytes", activation.bytes},         {"entropy_bits", activation.entropy_bits},
                 {"text", to_json(activation.text)},  {"left_out", left_out}};
    json["in_kernel"] = activation.in_kernel;
    if (!activation.note.empty())
        json["note"] = activation.note;
    if (!activation.kernel_note.empty())
        json["kernel_note"] = activation.kernel_note;
    if (activation.environment)
        json["environment"] = to_json(*activation.environment);
    return json;
}

void tell(const Context &context, const Activation &activation) {
    if (!activation.note.empty())
        note(context, activation.note);
    if (!activation.kernel_note.empty())
        note(context, activation.kernel_note);
    if (activation.environment)
        note(context, activation.environment->reason + " " + activation.environment->detail +
                          ": programs start through ld.so; run `dyldctl build` again");
    for (size_t i = 0; i < activation.left_out.size() && i < kToldSets; i++) {
        const LeftOutSet &set = activation.left_out[i];
        note(context, "left out: " + set.program + ": " + set.why.reason + " " + set.why.detail);
    }
    if (activation.left_out.size() > kToldSets)
        note(context,
             counted(activation.left_out.size() - kToldSets, "more set") + " left out; run `dyldctl build`");
}

} // namespace sharedregion
