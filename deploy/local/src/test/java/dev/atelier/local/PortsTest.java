package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ServerSocket;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PortsTest {

  @Test
  void shouldNameEveryPortInUseWithItsPurposeAndOption() throws Exception {
    try (ServerSocket api = new ServerSocket();
        ServerSocket s3 = new ServerSocket(0)) { // on all interfaces
      api.bind(Ports.loopback(0));

      assertThatThrownBy(() -> new Ports(api.getLocalPort(), 0, s3.getLocalPort(), 0, 0).reserve())
          .isInstanceOf(StackException.class)
          .hasMessageContaining(
              "Port %d for the REST API is not free".formatted(api.getLocalPort()))
          .hasMessageContaining("--api-port")
          .hasMessageContaining("Port %d for S3 is not free".formatted(s3.getLocalPort()))
          .hasMessageContaining("--s3-port");
    }
  }

  @Test
  void shouldFindDifferentFreePortsWhenAskedForAny() throws Exception {
    Ports ports = Ports.ANY.reserve();

    assertThat(
            Set.of(ports.api(), ports.postgres(), ports.s3(), ports.temporal(), ports.temporalUi()))
        .hasSize(5)
        .doesNotContain(0);
  }

  @Test
  void shouldRefuseANumberThatIsNoPort() {
    assertThatThrownBy(() -> new Ports(70_000, 0, 0, 0, 0).reserve())
        .isInstanceOf(StackException.class)
        .hasMessageContaining("Port 70000 for the REST API");
  }
}
