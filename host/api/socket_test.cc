// The socket file.
#include <sys/stat.h>

#include <fstream>

#include "host/api/test_api.h"

namespace tidegate::api {
namespace {

using testing::HasSubstr;

TEST_F(Api, StaleSocketFile_IsReplaced) {
  {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    close(fd);
  }
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
  struct stat found {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660u);
}

TEST_F(Api, SocketOfALivingDaemon_IsLeftAlone) {
  Start();
  auto second = ApiServer::Start(options_, node_, log_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("another daemon listens there"));
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
}

TEST_F(Api, OtherFileInTheWay_IsLeftAlone) {
  std::ofstream(path_) << "precious";
  auto server = ApiServer::Start(options_, node_, log_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.status().message(), HasSubstr("another file of that name"));
  EXPECT_EQ(unlink(path_.c_str()), 0);
}

TEST_F(Api, PathTooLong_IsRefusedClearly) {
  options_.socket = "/tmp/" + std::string(108, 'x');
  auto server = ApiServer::Start(options_, node_, log_);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.status().code(), Code::kInvalid);
  EXPECT_THAT(server.status().message(), HasSubstr("1 to 107"));
}

}  // namespace
}  // namespace tidegate::api
