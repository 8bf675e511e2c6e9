#include "host/config/merge.h"

namespace tidegate {

namespace {

using Json = nlohmann::ordered_json;

void MergeAt(Json& base, Positions& places, Json& overlay, const Positions& overlay_places,
             const std::string& pointer) {
  if (base.is_object() && overlay.is_object()) {
    for (auto& [key, value] : overlay.items()) {
      MergeAt(base[key], places, value, overlay_places, pointer + PointerStep(key));
    }
    return;
  }
  base = std::move(overlay);
  places.Erase(pointer);
  places.Take(overlay_places, pointer);
}

}  // namespace

void MergeOver(YamlDocument& base, YamlDocument overlay) {
  if (overlay.json.is_null()) return;
  MergeAt(base.json, base.positions, overlay.json, overlay.positions, "");
}

}  // namespace tidegate
