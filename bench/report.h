// Figures: what was measured, and whether it meets its target. Printed as a table, or as one JSON object
// a line.
// Thread safety: one thread. Ownership: plain values.
#pragma once

#include <string>
#include <vector>

namespace tidegate::bench {

struct Figure {
  enum class Target { kNone, kAtLeast, kAtMost };
  std::string name;
  double value = 0;
  std::string unit;
  Target kind = Target::kNone;
  double target = 0;

  bool met() const;
};

class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  void Title(const std::string& title) const;
  void Note(const std::string& note) const;
  void Add(const std::string& name, double value, const std::string& unit);
  void AtLeast(const std::string& name, double value, const std::string& unit, double target);
  void AtMost(const std::string& name, double value, const std::string& unit, double target);
  // True if every target was met.
  bool Finish() const;

 private:
  void Print(const Figure& figure);

  const bool json_;
  std::vector<Figure> figures_;
};

// One round of a comparison, for Note.
std::string RoundText(int round, double bare, double measured);

double Median(std::vector<double> values);

}  // namespace tidegate::bench
