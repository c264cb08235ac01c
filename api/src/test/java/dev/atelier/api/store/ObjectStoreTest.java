package dev.atelier.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import io.minio.MinioClient;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ObjectStoreTest {

  private static ObjectStore store(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(Map.of("atelier.s3.endpoint", "http://s3:7070"));
    settings.putAll(more);
    AtelierConfig config =
        new SmallRyeConfigBuilder()
            .withMapping(AtelierConfig.class)
            .withConverter(Duration.class, 200, new DurationConverter())
            .withSources(new PropertiesConfigSource(settings, "test", 100))
            .build()
            .getConfigMapping(AtelierConfig.class);
    return new ObjectStore(
        MinioClient.builder().endpoint(config.s3().endpoint().toString()).build(), config);
  }

  @Test
  void shouldSignLinksForTheAddressUnderWhichUsersReachTheStore() {
    ObjectStore.Link link =
        store(Map.of("atelier.s3.public-endpoint", "https://s3.example.org")).link("a/b.pt");
    assertThat(link.href().toString())
        .startsWith("https://s3.example.org/atelier/a/b.pt?")
        .contains("X-Amz-Signature=");
  }

  @Test
  void shouldGiveNoLinkWhereItIsNotKnownHowUsersReachTheStore() {
    assertThatThrownBy(() -> store(Map.of()).link("a/b.pt"))
        .isInstanceOfSatisfying(
            ProblemException.class,
            e -> assertThat(e.type()).isEqualTo(ProblemType.NO_PUBLIC_STORE))
        .hasMessageContaining("atelier.s3.public-endpoint");
    // As an empty variable of the environment is read.
    assertThatThrownBy(() -> store(Map.of("atelier.s3.public-endpoint", "")).link("a/b.pt"))
        .isInstanceOf(ProblemException.class);
  }
}
