#include "host/core/policy.h"

#include "host/base/views.h"

namespace tidegate::core {
namespace {

template <typename Ask>
std::optional<uint32_t> FirstThatDecides(const std::vector<std::unique_ptr<Policy>>& links, Ask ask) {
  for (const auto& link : links) {
    if (std::optional<uint32_t> answer = ask(*link)) return answer;
  }
  return std::nullopt;
}

}  // namespace

Status PolicyChain::Reload(std::string_view schemas_json, std::vector<std::string>* warnings) {
  for (const auto& link : links_) TG_RETURN_IF_ERROR(link->Reload(schemas_json, warnings));
  return {};
}

std::optional<uint32_t> PolicyChain::Placement(std::string_view model) const {
  return FirstThatDecides(links_, [&](const Policy& p) { return p.Placement(model); });
}

std::optional<uint32_t> PolicyChain::Direction(std::string_view model) const {
  return FirstThatDecides(links_, [&](const Policy& p) { return p.Direction(model); });
}

std::optional<uint32_t> PolicyChain::Lane(std::string_view model) const {
  return FirstThatDecides(links_, [&](const Policy& p) { return p.Lane(model); });
}

std::optional<uint32_t> PolicyChain::Route(const PolicyContext& at, const tg_change& change, AgentId neighbour) const {
  return FirstThatDecides(links_, [&](const Policy& p) { return p.Route(at, change, neighbour); });
}

std::optional<tg_retain> PolicyChain::Retain(std::string_view model) const {
  for (const auto& link : links_) {
    if (std::optional<tg_retain> retain = link->Retain(model)) return retain;
  }
  return std::nullopt;
}

Status PolicyChain::Accept(const PolicyContext& at, const tg_change& change) const {
  for (const auto& link : links_) TG_RETURN_IF_ERROR(link->Accept(at, change));
  return {};
}

std::optional<std::string> PolicyChain::Answer(std::string_view model) const {
  for (const auto& link : links_) {
    if (std::optional<std::string> answer = link->Answer(model)) return answer;
  }
  return std::nullopt;
}

std::optional<MergeRule> PolicyChain::Merges(std::string_view model) const {
  for (const auto& link : links_) {
    if (std::optional<MergeRule> rule = link->Merges(model)) return rule;
  }
  return std::nullopt;
}

// One policy stamps and joins a model: the first that says that it does.
const Policy* PolicyChain::MergerOf(tg_str model) const {
  for (const auto& link : links_) {
    if (link->Merges(View(model))) return link.get();
  }
  return nullptr;
}

std::optional<std::string> PolicyChain::Stamp(const PolicyContext& at, const tg_change* held,
                                              const tg_change& written) const {
  const Policy* merger = MergerOf(written.model);
  return merger == nullptr ? std::nullopt : merger->Stamp(at, held, written);
}

std::optional<Joined> PolicyChain::Merge(const PolicyContext& at, const tg_change& held,
                                         const tg_change& incoming) const {
  const Policy* merger = MergerOf(incoming.model);
  return merger == nullptr ? std::nullopt : merger->Merge(at, held, incoming);
}

}  // namespace tidegate::core
