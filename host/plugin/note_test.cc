#include "host/plugin/note.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

#include "host/plugin/test_files.h"

namespace tidegate::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The bytes of the good fixture, to be damaged.
class Note : public ::testing::Test {
 protected:
  Note() : elf_(ReadAll(FixturePath("good"))) {
    const char name[] = "Tidegate\0\0\0";
    name_at_ = elf_.find(std::string(name, 12));
    EXPECT_NE(name_at_, std::string::npos);
    desc_at_ = name_at_ + 12;
  }

  template <typename T>
  void PatchHeader(size_t offset, T value) {
    std::memcpy(elf_.data() + offset, &value, sizeof value);
  }
  template <typename T>
  void PatchDesc(size_t offset, T value) {
    PatchHeader(desc_at_ + offset, value);
  }
  // The message of the refusal.
  std::string Refusal(HostAbi host = {}) {
    Result<PluginNote> note = ParsePluginNote(elf_, "x.so", host);
    EXPECT_FALSE(note.ok());
    if (note.ok()) return "";
    EXPECT_EQ(note.status().code(), Code::kInvalid);
    EXPECT_THAT(note.status().message(), StartsWith("x.so: "));
    return note.status().message();
  }

  std::string elf_;
  size_t name_at_ = 0;
  size_t desc_at_ = 0;
};

TEST_F(Note, Good_AllFieldsAreRead) {
  Result<PluginNote> note = ReadPluginNote(FixturePath("good"));
  ASSERT_TRUE(note.ok()) << note.status().message();
  EXPECT_EQ(note->id, "policy-good");
  EXPECT_EQ(note->kind, "policy");
  EXPECT_EQ(note->version, "1.2.3");
  EXPECT_EQ(note->abi_major, TG_ABI_MAJOR);
  EXPECT_EQ(note->abi_minor, TG_ABI_MINOR);
  EXPECT_EQ(note->host_minor_min, 0);
  EXPECT_EQ(note->schema_json, R"({"type": "object"})");
}

TEST_F(Note, NoSuchFile_SaysSo) {
  Result<PluginNote> note = ReadPluginNote("/nonexistent/policy-x.so");
  ASSERT_FALSE(note.ok());
  EXPECT_EQ(note.status().code(), Code::kNotFound);
  EXPECT_THAT(note.status().message(), HasSubstr("/nonexistent/policy-x.so: cannot be opened"));
}

TEST_F(Note, Directory_Refused) { EXPECT_THAT(ReadPluginNote("/").status().message(), HasSubstr("not a file")); }

TEST_F(Note, TextFile_NotElf) {
  elf_ = "#!/bin/sh\necho this is no shared object at all\n";
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("not an ELF file"), HasSubstr("shared object (.so)")));
  elf_ = "";
  EXPECT_THAT(Refusal(), HasSubstr("not an ELF file"));
}

TEST_F(Note, OtherMachine_NamesBoth) {
  PatchHeader<uint16_t>(offsetof(Elf64_Ehdr, e_machine), EM_386);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("for i386"), HasSubstr("install the plugin built for it")));
}

TEST_F(Note, OtherClass_Refused) {
  elf_[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("32-bit"), HasSubstr("64-bit")));
}

TEST_F(Note, OtherByteOrder_Refused) {
  elf_[EI_DATA] = elf_[EI_DATA] == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
  EXPECT_THAT(Refusal(), HasSubstr("byte order"));
}

TEST_F(Note, Executable_Refused) {
  PatchHeader<uint16_t>(offsetof(Elf64_Ehdr, e_type), ET_EXEC);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("an executable"), HasSubstr("shared object")));
}

TEST_F(Note, TruncatedAnywhere_RefusedUntilTheNoteIsWhole) {
  std::string whole = elf_;
  size_t note_end = desc_at_ + sizeof(tg_note_desc) + 20;
  for (size_t size = 0; size < note_end; ++size) {
    elf_ = whole.substr(0, size);
    Refusal();
  }
}

TEST_F(Note, ProgramHeadersFarAway_Truncated) {
  PatchHeader<uint64_t>(offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX - 8);
  EXPECT_THAT(Refusal(), HasSubstr("truncated"));
}

TEST_F(Note, OddProgramHeaderSize_Damaged) {
  PatchHeader<uint16_t>(offsetof(Elf64_Ehdr, e_phentsize), 1);
  EXPECT_THAT(Refusal(), HasSubstr("program headers of 1 bytes"));
}

TEST_F(Note, FixtureWithoutNote_Refused) {
  elf_ = ReadAll(FixturePath("no-note"));
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("no Tidegate note"), HasSubstr("TG_PLUGIN_NOTE")));
}

TEST_F(Note, OtherAbiMajor_SaysTheirsAndOurs) {
  PatchDesc<uint16_t>(offsetof(tg_note_desc, abi_major), 9);
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("plugin ABI 9"), HasSubstr("this host has ABI 1.0"), HasSubstr("upgrade Tidegate")));
  PatchDesc<uint16_t>(offsetof(tg_note_desc, abi_major), 0);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("plugin ABI 0"), HasSubstr("install a build of the plugin for ABI 1")));
}

TEST_F(Note, HostTooOld_SaysWhatItNeeds) {
  PatchDesc<uint16_t>(offsetof(tg_note_desc, host_minor_min), 4);
  EXPECT_THAT(Refusal({1, 3}), AllOf(HasSubstr("ABI 1.4 or later"), HasSubstr("ABI 1.3")));
  EXPECT_TRUE(ParsePluginNote(elf_, "x.so", {1, 4}).ok());
}

TEST_F(Note, NewerMinorThatNeedsNoneOfIt_Accepted) {
  PatchDesc<uint16_t>(offsetof(tg_note_desc, abi_minor), 7);
  Result<PluginNote> note = ParsePluginNote(elf_, "x.so");
  ASSERT_TRUE(note.ok());
  EXPECT_EQ(note->abi_minor, 7);
}

TEST_F(Note, WrongMagic_Malformed) {
  PatchDesc<uint32_t>(offsetof(tg_note_desc, magic), 1);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("malformed note"), HasSubstr("magic")));
}

TEST_F(Note, WrongType_Malformed) {
  PatchHeader<uint32_t>(name_at_ - 4, 2);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("malformed note"), HasSubstr("type 2")));
}

TEST_F(Note, DescriptorPastTheSegment_Malformed) {
  PatchHeader<uint32_t>(name_at_ - 8, 0xfffffff0u);
  EXPECT_THAT(Refusal(), HasSubstr("malformed note"));
}

TEST_F(Note, ShortDescriptor_Malformed) {
  PatchHeader<uint32_t>(name_at_ - 8, 16);
  std::memset(elf_.data() + desc_at_ + 16, 0, sizeof(tg_note_desc) + 20 - 16);  // empty notes follow
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("malformed note"), HasSubstr("16 bytes")));
}

TEST_F(Note, BadTexts_Malformed) {
  const std::string whole = elf_;
  std::memset(elf_.data() + desc_at_ + offsetof(tg_note_desc, id), 'a', TG_NOTE_ID_SIZE);
  EXPECT_THAT(Refusal(), HasSubstr("the id has no end"));
  elf_ = whole;
  PatchDesc<char>(offsetof(tg_note_desc, id), '\0');
  EXPECT_THAT(Refusal(), HasSubstr("the id is empty"));
  elf_ = whole;
  PatchDesc<char>(offsetof(tg_note_desc, id), '/');
  EXPECT_THAT(Refusal(), HasSubstr("the id has characters"));
  elf_ = whole;
  PatchDesc<char>(offsetof(tg_note_desc, kind), 'P');
  EXPECT_THAT(Refusal(), HasSubstr("the kind is none of storage, transport, policy, events"));
  elf_ = whole;
  PatchDesc<char>(offsetof(tg_note_desc, version), '\n');
  EXPECT_THAT(Refusal(), HasSubstr("the version has characters"));
}

TEST_F(Note, BadSchemaSize_Malformed) {
  PatchDesc<uint32_t>(offsetof(tg_note_desc, schema_size), 100);
  EXPECT_THAT(Refusal(), HasSubstr("schema is cut off"));
  PatchDesc<uint32_t>(offsetof(tg_note_desc, schema_size), UINT32_MAX);
  EXPECT_THAT(Refusal(), HasSubstr("at most 262144"));
}

}  // namespace
}  // namespace tidegate::plugin
