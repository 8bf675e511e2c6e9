// Where each value of a document was written: the side table that lets a check of plain JSON answer
// with file:line:column of the YAML it came from.
// Thread safety: const methods from any thread, others from one. Ownership: owns its texts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

// Lines and columns count from 1; columns count characters, not bytes.
struct Place {
  uint32_t file = 0;
  uint32_t line = 1;
  uint32_t column = 1;
};

class Positions {
 public:
  struct Entry {
    Place key;  // of the name in the map that holds the value; of the value itself in lists
    Place value;
    bool expanded = false;  // the text came out of ${env:...} or ${file:...}
  };

  // The number by which Place speaks of a file.
  uint32_t AddFile(std::string name);

  void Set(const std::string& pointer, Entry entry) { entries_[pointer] = entry; }
  void MarkExpanded(const std::string& pointer) { entries_[pointer].expanded = true; }

  // Forgets the value at pointer and everything in it.
  void Erase(const std::string& pointer);

  // Takes the entries of other for pointer and everything in it, with their files.
  void Take(const Positions& other, const std::string& pointer);

  // "file:line:column" of the value at a JSON pointer (RFC 6901), or of the nearest one around it.
  std::string At(std::string_view pointer) const { return Text(Nearest(pointer).value); }
  std::string AtKey(std::string_view pointer) const { return Text(Nearest(pointer).key); }
  std::string Text(Place place) const;
  Place PlaceOfKey(std::string_view pointer) const { return Nearest(pointer).key; }
  Place PlaceOfValue(std::string_view pointer) const { return Nearest(pointer).value; }

  std::string FileName(Place place) const { return place.file < files_.size() ? files_[place.file] : ""; }

  bool Expanded(const std::string& pointer) const;
  const std::vector<std::string>& files() const { return files_; }

 private:
  const Entry& Nearest(std::string_view pointer) const;

  std::vector<std::string> files_;
  std::map<std::string, Entry> entries_;
};

// One step of a JSON pointer: "a/b" -> "/a~1b".
std::string PointerStep(std::string_view name);
std::string PointerStep(size_t index);

}  // namespace tidegate
