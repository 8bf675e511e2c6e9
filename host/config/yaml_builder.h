// Builds JSON and the places of its values from the events of yaml-cpp's parser. Events rather than
// nodes, because only they show duplicate keys, anchors and the marks of keys before anything expands.
// Thread safety: one parse, one thread. Ownership: owns the document until Take().
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "host/config/yaml.h"

namespace tidegate {

// Thrown through yaml-cpp's parser and caught in yaml.cc; no other file sees it.
struct YamlFault {
  Place place;
  std::string what;
};

class YamlBuilder final : public YAML::EventHandler {
 public:
  // text must live as long as the builder.
  YamlBuilder(std::string_view text, const std::string& name, const YamlLimits& limits);

  Place PlaceOf(const YAML::Mark& mark);
  YamlDocument Take() { return std::move(document_); }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAnchor(const YAML::Mark& mark, const std::string& anchor_name) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { Close(); }

 private:
  using Json = nlohmann::ordered_json;

  struct Level {
    Json value;
    std::string pointer;
    Place place;      // of the value itself
    Place key_place;  // of its key, if it has one
    std::string key;  // the key whose value comes next
    bool has_key = false;
    Place next_key_place;
    std::unordered_set<std::string> keys;
  };

  void Open(const YAML::Mark& mark, const std::string& tag, const char* own_tag, Json empty);
  void Close();
  bool ExpectsKey() const { return !levels_.empty() && levels_.back().value.is_object() && !levels_.back().has_key; }
  void AddKey(Place place, const std::string& tag, const std::string& key);
  // Puts value into the innermost open map or list, or makes it the document.
  void Add(Place place, Json value);
  std::string NextPointer() const;
  Place NextKeyPlace(Place place) const;
  void Record(const std::string& pointer, Place key, Place value);
  // yaml-cpp closes a quote that the text leaves open at its end.
  void CheckQuoteCloses(Place place) const;
  [[noreturn]] static void Fail(Place place, std::string what) { throw YamlFault{place, std::move(what)}; }

  std::string_view text_;
  YamlLimits limits_;
  YamlDocument document_;
  std::vector<Level> levels_;
  bool started_ = false;
  size_t nodes_ = 0;
  size_t pointer_bytes_ = 0;
  // Marks come nearly in order: columns are counted on from the last one.
  int line_ = 0;
  size_t line_start_ = 0;
  size_t counted_to_ = 0;
  size_t characters_ = 0;
};

}  // namespace tidegate
