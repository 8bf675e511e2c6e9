#include "host/replica/present.h"

#include <cstdio>

#include "host/base/ids.h"
#include "host/base/views.h"
#include "host/schema/item.h"

namespace tidegate::replica {

std::string JsonText(std::string_view text) {
  std::string json = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      json += escape;
    } else {
      json += c;
    }
  }
  return json + '"';
}

std::string PresentChange(const Catalog& catalog, const tg_change& change, bool hidden) {
  if (change.kind != TG_CHANGE_ITEM) return {};
  std::string item(View(change.body));
  if (const ModelRule* rule = catalog.Find(View(change.model))) {
    Envelope envelope{change.src, change.dst, change.key.owner};
    Result<std::string> shown = Present(*rule->model, item, View(change.key.pk), View(change.key.sk), envelope, hidden);
    if (shown.ok()) item = std::move(shown).value();
  }
  while (!item.empty() && item.back() != '}') item.pop_back();
  if (item.empty()) item = "{}";
  item.pop_back();
  if (item.size() > 1) item += ',';
  item += "\"_type\":" + JsonText(View(change.model)) + ",\"_owner\":" + std::to_string(change.key.owner) +
          ",\"_src\":" + std::to_string(change.src) + ",\"_dst\":" + std::to_string(change.dst) + ",\"_version\":\"" +
          Version::From(change.version).ToText() + "\"}";
  return item;
}

}  // namespace tidegate::replica
