// TLS, passwords and the broker's access control list, against those who lack or cheat them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mosquitto.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "both_protocols.h"
#include "connection_errors.h"
#include "test_broker.h"
#include "test_client.h"
#include "test_node.h"

namespace tidegate::mqtt {
namespace {

// An authority, a broker's certificate for broker.test, a child's, and one of another authority.
class Certificates {
 public:
  explicit Certificates(const std::string& directory) : directory_(directory) {
    Authority("ca");
    Authority("other");
    Issue("ca", "broker", "broker.test", 30);
    Issue("ca", "42", "42", 30);
    Issue("other", "stranger", "42", 30);
    Issue("ca", "expired", "broker.test", -1);
  }
  std::string Path(const std::string& file) const { return directory_ + "/" + file; }
  std::string Quoted(const std::string& file) const { return "\"" + Path(file) + "\""; }

 private:
  void Authority(const std::string& name) {
    RunCommand("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=" + name +
               " -keyout " + Path(name + ".key") + " -out " + Path(name + ".crt"));
  }
  void Issue(const std::string& ca, const std::string& name, const std::string& subject, int days) {
    RunCommand("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + subject +
               " -keyout " + Path(name + ".key") + " -out " + Path(name + ".csr"));
    WriteTestFile(Path(name + ".ext"), "subjectAltName=DNS:" + subject + "\n");
    RunCommand("openssl x509 -req -in " + Path(name + ".csr") + " -CA " + Path(ca + ".crt") + " -CAkey " +
               Path(ca + ".key") + " -set_serial " + std::to_string(++serial_) + " -days " + std::to_string(days) +
               " -extfile " + Path(name + ".ext") + " -out " + Path(name + ".crt"));
  }
  const std::string directory_;
  int serial_ = 0;
};

class Tls : public BothProtocols {
 protected:
  Tls() : directory_(MakeTestDirectory()), certificates_(directory_) {}
  ~Tls() override { std::filesystem::remove_all(directory_); }  // for tests without a broker
  std::string ListenerConfig(const std::string& broker = "broker") const {
    return "cafile " + certificates_.Path("ca.crt") + "\ncertfile " + certificates_.Path(broker + ".crt") +
           "\nkeyfile " + certificates_.Path(broker + ".key") + "\n";
  }
  TestBroker::Options Mutual() const {
    return {"", ListenerConfig() + "require_certificate true\nuse_identity_as_username true\n"};
  }
  // name: the certificate to show, or none.
  std::string Config(const std::string& name, const std::string& ca = "ca.crt",
                     const std::string& server_name = "broker.test") const {
    std::string tls =
        Protocol() + ",\"tls\":{\"ca\":" + certificates_.Quoted(ca) + ",\"server_name\":\"" + server_name + "\"";
    if (!name.empty()) {
      tls += ",\"cert\":" + certificates_.Quoted(name + ".crt") + ",\"key\":" + certificates_.Quoted(name + ".key");
    }
    return tls + "}";
  }

  const std::string directory_;
  const Certificates certificates_;
};
INSTANTIATE_TEST_SUITE_P(Mqtt, Tls, testing::Values("5", "3.1.1"), ProtocolName);

TEST_P(Tls, Mutual_MovesBigFrames) {
  TestBroker broker(Mutual(), directory_);
  TestNode server(1, "child", broker.port(), Config("broker"));
  TestNode device(42, "parent", broker.port(), Config("42"));
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  ASSERT_NE(up, 0u) << device.LastError() << server.LastError();
  const tg_session down = server.WaitOpen();
  for (int i = 0; i < 20; ++i) {
    const std::string frame(300000, static_cast<char>('a' + i));
    while (device.Send(up, frame) == TG_FULL) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(server.Send(down, "small"), TG_OK);
  }
  ASSERT_TRUE(server.WaitFrames(down, 20));
  ASSERT_TRUE(device.WaitFrames(up, 20));
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(server.session(down).frames[i], std::string(300000, static_cast<char>('a' + i)));
  }
}

TEST_P(Tls, WrongAuthority_IsNamedAndTriedAgain) {
  TestBroker broker({"", ListenerConfig()}, directory_);
  TestNode device(42, "parent", broker.port(), Config("", "other.crt"));
  device.Start();
  ASSERT_TRUE(device.WaitError("the broker's certificate is refused")) << device.LastError();
  EXPECT_THAT(device.LastError(), testing::HasSubstr("tls.ca"));
  EXPECT_FALSE(device.Connected());
  // It goes on trying: the right authority in the same file lets it in.
  WriteTestFile(certificates_.Path("other.crt"), RunCommand("cat " + certificates_.Path("ca.crt")));
  EXPECT_TRUE(device.WaitConnected()) << device.LastError();
}

TEST_P(Tls, WrongName_IsRefused) {
  TestBroker broker({"", ListenerConfig()}, directory_);
  TestNode device(42, "parent", broker.port(), Config("", "ca.crt", "elsewhere.test"));
  device.Start();
  ASSERT_TRUE(device.WaitError("tls.server_name")) << device.LastError();
  EXPECT_FALSE(device.Connected());
}

TEST_P(Tls, ExpiredCertificate_PointsToTheClock) {
  TestBroker broker({"", ListenerConfig("expired")}, directory_);
  TestNode device(42, "parent", broker.port(), Config(""));
  device.Start();
  ASSERT_TRUE(device.WaitError("clock")) << device.LastError();
}

TEST_P(Tls, CertificateNotYetValid_IsTriedUntilItIs) {
  const std::string issue = "openssl ca -batch -notext -config " + certificates_.Path("ca.conf") + " -in " +
                            certificates_.Path("broker.csr") + " -out " + certificates_.Path("future.crt");
  WriteTestFile(certificates_.Path("index"), "");
  WriteTestFile(certificates_.Path("ca.conf"),
                "[ca]\ndefault_ca=c\n[c]\ndatabase=" + certificates_.Path("index") + "\nnew_certs_dir=" + directory_ +
                    "\nrand_serial=yes\ndefault_md=sha256\npolicy=p\ncertificate=" + certificates_.Path("ca.crt") +
                    "\nprivate_key=" + certificates_.Path("ca.key") +
                    "\nx509_extensions=x\n[p]\ncommonName=supplied\n" + "[x]\nsubjectAltName=DNS:broker.test\n");
  RunCommand(issue + " -startdate 20900101000000Z -enddate 20910101000000Z");
  RunCommand("cp " + certificates_.Path("broker.key") + " " + certificates_.Path("future.key"));
  TestBroker broker({"", ListenerConfig("future")}, directory_);
  TestNode device(42, "parent", broker.port(), Config(""));
  device.Start();
  ASSERT_TRUE(device.WaitError("not yet valid")) << device.LastError();
  EXPECT_THAT(device.LastError(), testing::HasSubstr("clock"));
  broker.Kill();
  RunCommand("cp " + certificates_.Path("broker.crt") + " " + certificates_.Path("future.crt"));
  broker.Start();
  EXPECT_TRUE(device.WaitConnected()) << device.LastError();
}

TEST_P(Tls, Insecure_AcceptsAnyCertificate) {
  TestBroker broker({"", ListenerConfig()}, directory_);
  TestNode device(42, "parent", broker.port(), Protocol() + ",\"tls\":{\"insecure\":true}");
  device.Start();
  EXPECT_TRUE(device.WaitConnected()) << device.LastError();
  EXPECT_THAT(device.log(), testing::HasSubstr("tls.insecure"));
}

TEST_P(Tls, ClientCertificateOfAnotherAuthorityOrNone_IsRefused) {
  TestBroker broker(Mutual(), directory_);
  TestNode stranger(42, "parent", broker.port(), Config("stranger"));
  TestNode nobody(43, "parent", broker.port(), Config(""));
  stranger.Start();
  nobody.Start();
  EXPECT_TRUE(stranger.WaitError("tls.cert")) << stranger.LastError();
  EXPECT_TRUE(nobody.WaitError("tls.cert")) << nobody.LastError();
  EXPECT_FALSE(stranger.Connected());
  EXPECT_FALSE(nobody.Connected());
}

// With TLS 1.3 the broker refuses after our handshake is done: its alert and the end of the socket race.
TEST(TlsEnd, WhicheverWayItIsSeen_IsOneMessage) {
  Config config = ParseConfig(R"({"side":"parent","tls":{"ca":"/ca.crt"}})");
  const std::string said = DescribeTlsEnd(config, SSL_alert_desc_string_long(SSL_AD_CERTIFICATE_REQUIRED));
  EXPECT_THAT(said, testing::AllOf(testing::HasSubstr("set tls.cert and tls.key"),
                                   testing::Not(testing::HasSubstr("unknown"))));
  for (const int rc : {MOSQ_ERR_CONN_LOST, MOSQ_ERR_PROTOCOL, MOSQ_ERR_TLS}) {
    EXPECT_EQ(DescribeLoss(config, rc, 0, false, "", ""), said);
  }
  for (const int error : {EPROTO, ECONNRESET, EPIPE}) {
    EXPECT_EQ(DescribeLoss(config, MOSQ_ERR_ERRNO, error, false, "", ""), said);
  }
  config.tls.cert = config.tls.key = "/own";
  EXPECT_THAT(DescribeTlsEnd(config, "unknown CA"), testing::HasSubstr("(unknown CA): check that tls.cert"));
  EXPECT_THAT(DescribeLoss(config, MOSQ_ERR_CONN_LOST, 0, true, "", ""), testing::HasSubstr("lost the broker"));
}

TEST_P(Tls, PlainClientToTlsListener_AndTheReverse_SayWhatToCheck) {
  TestBroker tls_broker({"", ListenerConfig()}, directory_);
  TestBroker plain_broker;
  TestNode plain(42, "parent", tls_broker.port(), Protocol());
  TestNode tls(42, "parent", plain_broker.port(), Config(""));
  plain.Start();
  tls.Start();
  EXPECT_TRUE(plain.WaitError("wants tls")) << plain.LastError();
  EXPECT_TRUE(tls.WaitError("TLS listener")) << tls.LastError();
}

TEST_P(Tls, MissingFile_IsNamed) {
  TestNode device(42, "parent", FreePort(), Config("nothing"));
  device.Start();
  EXPECT_TRUE(device.WaitError("nothing.crt")) << device.LastError();
}

// Users 42, 43 (children) and parent, and the access control list that is installed as an example.
class Acl : public BothProtocols {
 protected:
  Acl() : directory_(MakeTestDirectory()) {
    bool first = true;
    for (const char* user : {"42", "43", "parent"}) {
      RunCommand("mosquitto_passwd -b" + std::string(first ? " -c " : " ") + directory_ + "/users " + user + " pw-" +
                 user);
      WriteTestFile(directory_ + "/pw-" + user, "pw-" + std::string(user) + "\n");
      first = false;
    }
    RunCommand("cp " TIDEGATE_BROKER_CONFIG "/acl " + directory_ + "/acl");
    options_.config = "password_file " + directory_ + "/users\nacl_file " + directory_ + "/acl";
    options_.anonymous = false;
  }
  std::string User(const std::string& name) const {
    return Protocol() + ",\"prefix\":\"plant1\",\"broker_acl\":true,\"username\":\"" + name +
           "\",\"password_file\":\"" + directory_ + "/pw-" + name + "\"";
  }

  const std::string directory_;
  TestBroker::Options options_;
};
INSTANTIATE_TEST_SUITE_P(Mqtt, Acl, testing::Values("5", "3.1.1"), ProtocolName);

TEST_P(Acl, CheatingChild_NeitherWritesAsAnotherNorReadsItsFrames) {
  TestBroker broker(options_, directory_);
  TestNode server(1, "child", broker.port(), User("parent"));
  TestNode device(42, "parent", broker.port(), User("42"));
  server.Start();
  device.Start();
  const tg_session up = device.WaitOpen();
  const tg_session down = server.WaitOpen();
  ASSERT_NE(up, 0u) << device.LastError();
  EXPECT_TRUE(server.session(down).authenticated);
  EXPECT_TRUE(device.session(up).authenticated);

  TestClient cheat(broker.port(), "43", "pw-43");
  cheat.Subscribe("plant1/42/down");
  cheat.Subscribe("plant1/#");
  cheat.Subscribe("plant1/42/state");
  cheat.Publish("plant1/42/up", "rubbish that would be counted");
  cheat.Publish("plant1/42/state", "offline x", true);
  cheat.Publish("plant1/42/state", "online x", true);
  cheat.Publish("plant1/42/down", "rubbish that would be counted");
  cheat.Publish("plant1/parent/state", "online 43 x", true);
  cheat.Publish("plant1/43/down", "rubbish");
  ASSERT_EQ(server.Send(down, "secret"), TG_OK);
  ASSERT_EQ(device.Send(up, "secret"), TG_OK);
  ASSERT_TRUE(device.WaitFrames(up, 1));
  ASSERT_TRUE(server.WaitFrames(down, 1));

  // It may always read the parent's state.
  ASSERT_EQ(cheat.Wait("plant1/parent/state").size(), 1u);
  // What it may do goes through, so what is missing was refused, not late.
  cheat.Publish("plant1/43/state", "online cheat-1");
  ASSERT_NE(server.WaitOpen(2), 0u);
  EXPECT_EQ(server.sessions()[1].agent, 43u);
  EXPECT_EQ(server.sessions().size(), 2u);
  EXPECT_EQ(device.sessions().size(), 1u);
  EXPECT_FALSE(device.sessions()[0].closed);
  EXPECT_FALSE(server.sessions()[0].closed);
  EXPECT_EQ(server.counter("messages_malformed"), 0u);
  EXPECT_EQ(device.counter("messages_malformed"), 0u);
  EXPECT_EQ(cheat.Wait("plant1/parent/state").size(), 1u);
  EXPECT_EQ(cheat.received(), 1u) << "it reads the parent's state and nothing else";
}

TEST_P(Acl, ChildWithAnotherAgentId_IsNotHeard) {
  TestBroker broker(options_, directory_);
  TestNode server(1, "child", broker.port(), User("parent"));
  TestNode liar(42, "parent", broker.port(), User("43"));
  server.Start();
  liar.Start();
  ASSERT_NE(liar.WaitOpen(), 0u);  // it may read the parent's state
  ASSERT_EQ(liar.Send(liar.sessions()[0].id, "I am 42"), TG_OK);
  TestNode honest(43, "parent", broker.port(), User("43"), 0x77);
  honest.Start();
  ASSERT_NE(server.WaitOpen(), 0u);
  EXPECT_EQ(server.sessions().size(), 1u);
  EXPECT_EQ(server.sessions()[0].agent, 43u);
  if (std::string(GetParam()) == "5") {
    EXPECT_TRUE(liar.WaitError("access control list")) << liar.LastError();
  }
}

TEST_P(Acl, ParentThatMayNotWrite_SaysSo) {
  TestBroker broker(options_, directory_);
  TestNode server(1, "child", broker.port(), User("42"));
  server.Start();
  EXPECT_TRUE(server.WaitError("access control list")) << server.LastError();
  EXPECT_TRUE(server.sessions().empty());
}

TEST_P(Acl, WrongPassword_SaysWhichUser) {
  TestBroker broker(options_, directory_);
  WriteTestFile(directory_ + "/pw-42", "wrong");
  TestNode device(42, "parent", broker.port(), User("42"));
  device.Start();
  ASSERT_TRUE(device.WaitError("user '42'")) << device.LastError();
  EXPECT_THAT(device.LastError(), testing::HasSubstr("password_file"));
  EXPECT_FALSE(device.Connected());
  WriteTestFile(directory_ + "/pw-42", "pw-42\n");
  EXPECT_TRUE(device.WaitConnected()) << device.LastError();
}

TEST_P(Acl, SubscriptionDenied_NamesTheTopic) {
  // The access control file never denies SUBSCRIBE itself; the dynamic security plugin does.
  const std::string plugin = RunCommand("find /usr/lib /usr/local/lib -name mosquitto_dynamic_security.so | head -1");
  if (plugin.empty()) GTEST_SKIP() << "mosquitto_dynamic_security.so is not installed";
  WriteTestFile(directory_ + "/dynsec.json",
                R"({"defaultACLAccess":{"publishClientSend":true,"publishClientReceive":true,"subscribe":false,)"
                R"("unsubscribe":true},"clients":[],"groups":[],"roles":[]})");
  TestBroker::Options options;
  options.config =
      "plugin " + plugin.substr(0, plugin.find('\n')) + "\nplugin_opt_config_file " + directory_ + "/dynsec.json";
  TestBroker broker(options, directory_);
  TestNode device(42, "parent", broker.port(), Protocol());
  device.Start();
  EXPECT_TRUE(device.WaitError("subscribe to 'tidegate/parent/state'")) << device.LastError();
  EXPECT_FALSE(device.Connected());
}

}  // namespace
}  // namespace tidegate::mqtt
