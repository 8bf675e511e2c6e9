// Every plugin that Tidegate brings: its note is read, names the file, holds a schema that is JSON, and
// the plugin loads.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "host/plugin/note.h"
#include "tidegate/plugin.h"

namespace tidegate::plugin {
namespace {

class ShippedPlugin : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedPlugin, Note_NamesTheFileAndHoldsASchema) {
  std::string path = std::string(TIDEGATE_PLUGIN_BUILD_DIR) + "/" + GetParam() + ".so";
  Result<PluginNote> note = ReadPluginNote(path);
  ASSERT_TRUE(note.ok()) << note.status().message();
  EXPECT_EQ(note->id, GetParam());
  EXPECT_EQ(note->kind, GetParam().substr(0, GetParam().find('-')));
  EXPECT_EQ(note->version, TG_VERSION_STRING);
  nlohmann::json schema = nlohmann::json::parse(note->schema_json, nullptr, false);
  ASSERT_TRUE(schema.is_object()) << note->schema_json;
  EXPECT_EQ(schema.value("additionalProperties", true), false) << "a misspelt key must be an error";
}

TEST_P(ShippedPlugin, Entry_GivesTheInterfaceOfItsKindAndNoOther) {
  std::string path = std::string(TIDEGATE_PLUGIN_BUILD_DIR) + "/" + GetParam() + ".so";
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto entry = reinterpret_cast<tg_plugin_entry_fn>(dlsym(handle, TG_PLUGIN_ENTRY_SYMBOL));
  ASSERT_NE(entry, nullptr);
  const tg_plugin* plugin = entry();
  ASSERT_NE(plugin, nullptr);
  std::string id = "tg." + GetParam().substr(0, GetParam().find('-')) + "/1-draft";
  EXPECT_NE(plugin->interface_get(id.c_str()), nullptr) << id;
  EXPECT_EQ(plugin->interface_get("tg.nothing/1"), nullptr);
  EXPECT_EQ(plugin->interface_get(""), nullptr);
}

std::vector<std::string> Shipped() {
  std::vector<std::string> names;
  std::stringstream list(TIDEGATE_SHIPPED_PLUGINS);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Tidegate, ShippedPlugin, ::testing::ValuesIn(Shipped()), TestName);

}  // namespace
}  // namespace tidegate::plugin
