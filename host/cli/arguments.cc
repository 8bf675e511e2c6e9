#include "host/cli/arguments.h"

#include <algorithm>
#include <charconv>

#include "host/base/spelling.h"
#include "host/config/quantity.h"

namespace tidegate::cli {

const std::vector<Option>& CommonOptions() {
  static const std::vector<Option> options = {
      {"--api", "PATH", "socket of the daemon; else TIDEGATE_API, else api.socket of --config"},
      {"--config", "FILE", "configuration of the daemon to speak to"},
      {"--json", "", "answer in JSON"},
      {"--help", "", "this help"},
  };
  return options;
}

namespace {

const Option* FindOption(const Command& command, std::string_view name) {
  for (const std::vector<Option>* list : {&command.options, &CommonOptions()}) {
    for (const Option& option : *list) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

Status UnknownOption(const Command& command, const std::string& name) {
  std::vector<std::string> known;
  for (const std::vector<Option>* list : {&command.options, &CommonOptions()}) {
    for (const Option& option : *list) known.push_back(option.name);
  }
  std::string nearest = NearestName(name, known);
  return Status::Invalid(
      "unknown option " + name + " of `" + command.name + "`" +
      (nearest.empty() ? "; see tidegate " + command.name + " --help" : "; did you mean " + nearest + "?"));
}

}  // namespace

Result<Arguments> Arguments::Parse(const Command& command, const std::vector<std::string>& words) {
  Arguments arguments;
  bool options = true;
  for (size_t i = 0; i < words.size(); i++) {
    const std::string& word = words[i];
    if (options && word == "--") {
      options = false;
      continue;
    }
    if (!options || !word.starts_with("-") || word == "-") {
      arguments.words_.push_back(word);
      continue;
    }
    size_t equals = word.find('=');
    std::string name = word == "-h" ? "--help" : word.substr(0, equals);
    const Option* option = FindOption(command, name);
    if (option == nullptr) return UnknownOption(command, name);
    std::string value;
    if (option->value.empty()) {
      if (equals != std::string::npos) return Status::Invalid(name + " takes no value");
    } else if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (i + 1 < words.size()) {
      value = words[++i];
    } else {
      return Status::Invalid(name + " needs a value: " + name + " " + option->value);
    }
    if (!arguments.options_.emplace(name, value).second) return Status::Invalid(name + " is given twice");
  }
  if (arguments.Has("--help")) return arguments;
  if (arguments.words_.size() < command.least || arguments.words_.size() > command.most) {
    return Status::Invalid("usage: tidegate " + command.name + (command.arguments.empty() ? "" : " ") +
                           command.arguments + "; see tidegate " + command.name + " --help");
  }
  return arguments;
}

std::string Arguments::Get(std::string_view option, std::string otherwise) const {
  auto found = options_.find(option);
  return found == options_.end() ? otherwise : found->second;
}

Result<uint64_t> Arguments::GetUnsigned(std::string_view option, uint64_t otherwise) const {
  auto found = options_.find(option);
  if (found == options_.end()) return otherwise;
  uint64_t value = 0;
  const std::string& text = found->second;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Status::Invalid(std::string(option) + " must be a whole number of 0 or more, not \"" + text + "\"");
  }
  return value;
}

Result<int64_t> Arguments::GetDurationMs(std::string_view option, std::string otherwise) const {
  const std::string text = Get(option, std::move(otherwise));
  // In a configuration a bare number is milliseconds; typed by hand it is a slip.
  if (!text.empty() && text.find_first_not_of("0123456789.") == std::string::npos)
    return Status::Invalid(std::string(option) + ": " + text + " has no unit; write " + text + "s, or ms, min, h or d");
  Result<int64_t> duration = ParseDurationMs(text);
  return duration.ok() ? duration : duration.status().At(std::string(option));
}

std::string CommandHelp(const Command& command) {
  std::string text = "usage: tidegate " + command.name;
  if (!command.arguments.empty()) text += " " + command.arguments;
  text += " [options]\n\n" + command.summary + "\n\n";
  size_t width = 0;
  for (const std::vector<Option>* list : {&command.options, &CommonOptions()}) {
    for (const Option& option : *list) width = std::max(width, option.name.size() + option.value.size() + 1);
  }
  text += "options:\n";
  for (const std::vector<Option>* list : {&command.options, &CommonOptions()}) {
    for (const Option& option : *list) {
      std::string left = option.name + (option.value.empty() ? "" : " " + option.value);
      text += "  " + left + std::string(width + 2 - left.size(), ' ') + option.help + "\n";
    }
  }
  return text + "\n" + command.details;
}

}  // namespace tidegate::cli
