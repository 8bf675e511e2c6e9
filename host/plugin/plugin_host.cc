#include "host/plugin/plugin_host.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidegate::plugin {

namespace {

// By descriptor, so that what was checked is what is loaded. With our process id in it debuggers and
// symbolizers, which run in processes of their own, find the file by the same name.
std::string NameByDescriptor(const TrustedFile& file) {
  std::string number = std::to_string(file.fd.get());
  std::string name = "/proc/" + std::to_string(getpid()) + "/fd/" + number;
  struct stat info {};
  bool same = stat(name.c_str(), &info) == 0 && info.st_dev == file.device && info.st_ino == file.inode;
  return same ? name : "/proc/self/fd/" + number;  // /proc of another pid namespace
}

std::string WithArticle(std::string_view kind) { return (kind == TG_EVENTS_KIND ? "an " : "a ") + std::string(kind); }

}  // namespace

PluginHost::PluginHost(const Environment& environment) : PluginHost(environment, geteuid()) {}

Result<PluginFile*> PluginHost::Open(const std::string& path, std::string_view kind) {
  TG_ASSIGN_OR_RETURN(TrustedFile file, OpenTrusted(path, user_));
  TG_ASSIGN_OR_RETURN(PluginNote note, ReadPluginNote(file.fd.get(), path));
  if (note.kind != kind) {
    return Status::Invalid(path + ": " + WithArticle(note.kind) + " plugin (" + note.id +
                           ") where the configuration needs " + WithArticle(kind) +
                           " plugin: name one of that kind here");
  }
  for (const auto& other : files_) {
    if (other->file.device == file.device && other->file.inode == file.inode) return other.get();
    if (other->note.id == note.id) {
      return Status::Conflict(path + ": duplicate id: " + other->path + " is " + note.id +
                              " too; name one of the two files only");
    }
  }
  files_.push_back(std::make_unique<PluginFile>(PluginFile{path, std::move(note), std::move(file), nullptr, nullptr}));
  return files_.back().get();
}

Status PluginHost::Load(PluginFile& file) {
  if (file.loaded != nullptr) return {};
  if (file.handle == nullptr) {
    file.handle = dlopen(NameByDescriptor(file.file).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (file.handle == nullptr) {
      const char* why = dlerror();
      return Status::Invalid(file.path + ": cannot be loaded: " + (why != nullptr ? why : "no reason given") +
                             "; install the libraries it needs, or a build of it for this system");
    }
    // The dynamic linker remembers an object by this name for as long as it is loaded, which is for ever:
    // closing would let another plugin get the same number, and with it this one's code.
    file.file.fd.Release();
  }
  auto entry = reinterpret_cast<tg_plugin_entry_fn>(dlsym(file.handle, TG_PLUGIN_ENTRY_SYMBOL));
  if (entry == nullptr) {
    return Status::Invalid(file.path +
                           ": exports no " TG_PLUGIN_ENTRY_SYMBOL
                           "; define it with TG_EXPORT (tidegate/plugin.h) and build with tidegate_plugin()");
  }
  const tg_plugin* plugin = entry();
  if (plugin == nullptr) {
    return Status::Invalid(file.path + ": " TG_PLUGIN_ENTRY_SYMBOL " returned null instead of a tg_plugin");
  }
  file.loaded = plugin;
  return {};
}

Result<std::unique_ptr<PluginStorage>> PluginHost::CreateStorage(PluginFile& file, const std::string& name,
                                                                 const std::string& config_json) {
  TG_RETURN_IF_ERROR(Load(file));
  return PluginStorage::Create(file.loaded, name, config_json, environment_);
}

Result<std::unique_ptr<PluginTransport>> PluginHost::CreateTransport(PluginFile& file, const std::string& name,
                                                                     const std::string& config_json) {
  TG_RETURN_IF_ERROR(Load(file));
  return PluginTransport::Create(file.loaded, name, config_json, environment_);
}

Result<std::unique_ptr<PluginPolicy>> PluginHost::CreatePolicy(PluginFile& file, const std::string& name,
                                                               const std::string& config_json) {
  TG_RETURN_IF_ERROR(Load(file));
  return PluginPolicy::Create(file.loaded, name, config_json, environment_, file.note.id);
}

Result<std::unique_ptr<PluginEvents>> PluginHost::CreateEvents(PluginFile& file, const std::string& name,
                                                               const std::string& config_json) {
  TG_RETURN_IF_ERROR(Load(file));
  return PluginEvents::Create(file.loaded, name, config_json, environment_);
}

}  // namespace tidegate::plugin
