#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tidegate::bench {
namespace {

std::string Number(double value) {
  char text[64];
  double size = std::fabs(value);
  std::snprintf(text, sizeof text, size >= 1000 ? "%.0f" : size >= 10 ? "%.1f" : "%.3f", value);
  return text;
}

}  // namespace

bool Figure::met() const {
  switch (kind) {
    case Target::kAtLeast:
      return value >= target;
    case Target::kAtMost:
      return value <= target;
    default:
      return true;
  }
}

void Report::Title(const std::string& title) const {
  if (!json_) std::printf("\n%s\n", title.c_str());
  std::fflush(stdout);
}

void Report::Note(const std::string& note) const {
  std::fprintf(json_ ? stderr : stdout, "  (%s)\n", note.c_str());
  std::fflush(stdout);
}

void Report::Add(const std::string& name, double value, const std::string& unit) {
  Print({name, value, unit, Figure::Target::kNone, 0});
}

void Report::AtLeast(const std::string& name, double value, const std::string& unit, double target) {
  Print({name, value, unit, Figure::Target::kAtLeast, target});
}

void Report::AtMost(const std::string& name, double value, const std::string& unit, double target) {
  Print({name, value, unit, Figure::Target::kAtMost, target});
}

void Report::Print(const Figure& figure) {
  figures_.push_back(figure);
  bool has_target = figure.kind != Figure::Target::kNone;
  if (json_) {
    std::string target = has_target ? Number(figure.target) : "null";
    std::string met = has_target ? (figure.met() ? "true" : "false") : "null";
    std::printf("{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"target\":%s,\"met\":%s}\n", figure.name.c_str(),
                Number(figure.value).c_str(), figure.unit.c_str(), target.c_str(), met.c_str());
  } else {
    std::string target;
    if (has_target) {
      target = std::string(figure.kind == Figure::Target::kAtLeast ? "at least " : "at most ") + Number(figure.target);
    }
    std::printf("  %-34s %12s %-9s %-18s %s\n", figure.name.c_str(), Number(figure.value).c_str(), figure.unit.c_str(),
                target.c_str(),
                !has_target    ? ""
                : figure.met() ? "met"
                               : "NOT MET");
  }
  std::fflush(stdout);
}

bool Report::Finish() const {
  size_t targets = 0;
  size_t met = 0;
  for (const Figure& figure : figures_) {
    if (figure.kind == Figure::Target::kNone) continue;
    ++targets;
    if (figure.met()) ++met;
  }
  if (!json_) std::printf("\n%zu of %zu targets met\n", met, targets);
  return met == targets;
}

std::string RoundText(int round, double bare, double measured) {
  char text[128];
  std::snprintf(text, sizeof text, "round %d: bare %.0f, measured %.0f items/s, %.1f %%", round + 1, bare, measured,
                100 * measured / bare);
  return text;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  return values[middle];
}

}  // namespace tidegate::bench
