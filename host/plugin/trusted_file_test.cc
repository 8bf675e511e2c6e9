#include "host/plugin/trusted_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/plugin/test_files.h"

namespace tidegate::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TrustedPath : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = directory_.Write("policy-x.so", "content");
    Result<TrustedFile> at_first = OpenTrusted(file_, geteuid());
    if (!at_first.ok()) GTEST_SKIP() << "the build tree itself is not acceptable: " << at_first.status().message();
  }
  std::string Refusal(const std::string& path, Code code) {
    Result<TrustedFile> file = OpenTrusted(path, geteuid());
    EXPECT_FALSE(file.ok());
    if (file.ok()) return "";
    EXPECT_EQ(file.status().code(), code) << file.status().message();
    return file.status().message();
  }

  TestDirectory directory_;
  std::string file_;
};

TEST_F(TrustedPath, Good_IsOpenForReading) {
  Result<TrustedFile> file = OpenTrusted(file_, geteuid());
  ASSERT_TRUE(file.ok());
  char content[8] = {};
  EXPECT_EQ(read(file->fd.get(), content, 7), 7);
  EXPECT_STREQ(content, "content");
}

TEST_F(TrustedPath, Relative_Refused) {
  EXPECT_THAT(Refusal("policy-x.so", Code::kInvalid), HasSubstr("'policy-x.so' is not absolute"));
  EXPECT_THAT(Refusal("", Code::kInvalid), HasSubstr("not absolute"));
}

TEST_F(TrustedPath, Missing_NamesThePath) {
  EXPECT_THAT(Refusal(directory_.path() + "/nothing/policy-x.so", Code::kNotFound),
              HasSubstr(directory_.path() + "/nothing: cannot be opened"));
}

TEST_F(TrustedPath, FileWritableByGroup_NamesModeAndRemedy) {
  ASSERT_EQ(chmod(file_.c_str(), 0664), 0);
  EXPECT_THAT(Refusal(file_, Code::kRefused),
              AllOf(HasSubstr("the file " + file_), HasSubstr("mode 0664"), HasSubstr("chmod g-w " + file_)));
}

TEST_F(TrustedPath, DirectoryWritableByAll_RefusedEvenIfSticky) {
  ASSERT_EQ(chmod(directory_.path().c_str(), 01777), 0);
  EXPECT_THAT(Refusal(file_, Code::kRefused),
              AllOf(HasSubstr("the directory " + directory_.path() + " "), HasSubstr("mode 1777"),
                    HasSubstr("move the plugin to another directory")));
}

TEST_F(TrustedPath, SystemTemporaryDirectory_Refused) {
  struct stat info {};
  if (stat("/tmp", &info) != 0 || (info.st_mode & S_IWOTH) == 0) GTEST_SKIP() << "/tmp is not writable by all";
  EXPECT_THAT(Refusal("/tmp/policy-x.so", Code::kRefused), HasSubstr("the directory /tmp "));
}

TEST_F(TrustedPath, OtherOwner_NamesTheOwnerAndRemedy) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(file_.c_str(), 65534, 65534), 0);
  EXPECT_THAT(Refusal(file_, Code::kRefused),
              AllOf(HasSubstr("belongs to uid 65534"), HasSubstr("chown root " + file_)));
  EXPECT_TRUE(OpenTrusted(file_, 65534).ok()) << "the daemon's own user is trusted";
}

TEST_F(TrustedPath, LinkIntoAnOpenDirectory_TargetIsChecked) {
  std::string open = directory_.path() + "/open";
  ASSERT_EQ(mkdir(open.c_str(), 0755), 0);
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  std::string target = directory_.Copy(file_, "open/policy-x.so");
  std::string link = directory_.path() + "/policy-link.so";
  ASSERT_EQ(symlink("open/policy-x.so", link.c_str()), 0);
  EXPECT_THAT(Refusal(link, Code::kRefused), AllOf(HasSubstr(link + ": "), HasSubstr("the directory " + open + " ")));
}

TEST_F(TrustedPath, LinksRelativeAndAbsolute_Followed) {
  std::string relative = directory_.path() + "/relative.so", absolute = directory_.path() + "/absolute.so";
  ASSERT_EQ(symlink("./policy-x.so", relative.c_str()), 0);
  ASSERT_EQ(symlink(relative.c_str(), absolute.c_str()), 0);
  Result<TrustedFile> file = OpenTrusted(absolute, geteuid());
  ASSERT_TRUE(file.ok()) << file.status().message();
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(file->inode, info.st_ino);
}

TEST_F(TrustedPath, LinkOfSomebodyElse_Refused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give links away";
  std::string link = directory_.path() + "/policy-link.so";
  ASSERT_EQ(symlink("policy-x.so", link.c_str()), 0);
  ASSERT_EQ(lchown(link.c_str(), 65534, 65534), 0);
  EXPECT_THAT(Refusal(link, Code::kRefused), AllOf(HasSubstr("the link " + link), HasSubstr("chown -h root")));
}

TEST_F(TrustedPath, LinkToItself_EndsWithAnError) {
  std::string link = directory_.path() + "/policy-loop.so";
  ASSERT_EQ(symlink("policy-loop.so", link.c_str()), 0);
  EXPECT_THAT(Refusal(link, Code::kIo), HasSubstr("Too many levels of symbolic links"));
}

TEST_F(TrustedPath, DirectoryOrPipe_NotAFile) {
  EXPECT_THAT(Refusal(directory_.path(), Code::kInvalid), HasSubstr("not a file"));
  std::string pipe = directory_.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(Refusal(pipe, Code::kInvalid), HasSubstr("not a file"));
  EXPECT_THAT(Refusal(file_ + "/more", Code::kIo), HasSubstr("Not a directory"));
}

}  // namespace
}  // namespace tidegate::plugin
