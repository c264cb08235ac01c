package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SourcePolicyTest {

  private static final SourcePolicy CLOSED =
      new SourcePolicy(Optional.empty(), false, List.of("/data"), Optional.empty(), "atelier");

  private static final SourcePolicy NAMED =
      new SourcePolicy(
          Optional.of(List.of("data.example.org", "*.mirror.example")),
          false,
          List.of(),
          Optional.of(List.of("team")),
          "atelier");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://127.0.0.1/a.zip",
        "http://2130706433/a.zip",
        "http://localhost:9000/a.zip",
        "http://LOCALHOST./a.zip",
        "https://169.254.169.254/latest/meta-data",
        "http://10.1.2.3/a",
        "http://172.16.0.1/a",
        "http://192.168.1.1/a",
        "http://100.64.0.1/a",
        "http://0.0.0.0/a",
        "http://[::1]/a",
        "http://[fd00::1]/a",
        "http://[fe80::1]/a",
        "http://[::ffff:127.0.0.1]/a",
        "http://[64:ff9b::7f00:1]/a",
        "http://[2002:7f00:1::]/a",
        "/etc/passwd",
        "file:/etc/passwd",
        "/data/../etc/passwd",
        "/database/images",
        "s3://atelier/experiments/x/teacher"
      })
  void shouldRefuseASourceThatLiesElsewhere(String source) {
    assertThat(CLOSED.fault(source)).isPresent();
    assertThat(SourcePolicy.OPEN.fault(source)).as("negative control").isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cifar10",
        "shapes?count=5",
        "https://data.example.org/a.zip",
        "http://8.8.8.8/a",
        "http://[2606:4700::1111]/a",
        "/data/images",
        "file:/data/images.zip",
        "s3://team/images.zip"
      })
  void shouldAllowAPublicHostAndAnAllowedDirectory(String source) {
    assertThat(CLOSED.fault(source)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://127.1/a.zip", "http:///a.zip"})
  void shouldRefuseWhatIsNeitherANameNorAnAddress(String source) {
    assertThat(SourcePolicy.OPEN.fault(source)).isPresent();
  }

  @Test
  void shouldAllowNamedHostsAndBucketsOnly() {
    assertThat(NAMED.fault("https://data.example.org/a")).isEmpty();
    assertThat(NAMED.fault("https://a.b.mirror.example/a")).isEmpty();
    assertThat(NAMED.fault("s3://team/a")).isEmpty();
    assertThat(NAMED.fault("https://example.org/a"))
        .hasValueSatisfying(
            message ->
                assertThat(message)
                    .contains("'example.org'", "expected one of data.example.org")
                    .contains("atelier.sources.hosts"));
    assertThat(NAMED.fault("https://data.example.org.evil.example/a")).isPresent();
    assertThat(NAMED.fault("https://evilmirror.example/a")).isPresent();
    assertThat(NAMED.fault("s3://other/a")).isPresent();
    assertThat(NAMED.fault("/data")).isPresent();
  }

  @Test
  void shouldTellAHostByEachOfItsAddresses() throws UnknownHostException {
    InetAddress inside = InetAddress.getByAddress("a.example", new byte[] {10, 0, 0, 1});
    InetAddress outside = InetAddress.getByAddress("a.example", new byte[] {8, 8, 8, 8});
    assertThat(CLOSED.addressFault("a.example", inside)).isPresent();
    assertThat(CLOSED.addressFault("a.example", outside)).isEmpty();
    assertThat(SourcePolicy.OPEN.addressFault("a.example", inside)).isEmpty();
  }
}
