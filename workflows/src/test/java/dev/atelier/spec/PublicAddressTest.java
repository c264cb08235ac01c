package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PublicAddressTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "8.8.8.8",
        "100.63.0.1",
        "198.17.0.1",
        "2606:4700::1",
        "2002:808:808::1",
        "64:ff9b::808:808",
        "2001:4860:4860::8888"
      })
  void shouldKnowThePublicInternet(String address) throws UnknownHostException {
    assertThat(PublicAddress.is(InetAddress.getByName(address))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.2",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.8",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808", // a network's own translation, which may lead to private addresses
        "64:ff9b:1:7f00:0:100:808:808",
        "2001:0:808:808::1",
        "2001:db8::1",
        "3fff::1",
        "2002:a00:1::1",
        "fc00::1",
        "fe80::1",
        "ff02::1"
      })
  void shouldKnowAllElse(String address) throws UnknownHostException {
    assertThat(PublicAddress.is(InetAddress.getByName(address))).isFalse();
  }
}
