package dev.atelier.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.store.objects.ObjectStore;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StoreLinksTest {

  private static final Map<String, String> KEYS =
      Map.of("atelier.s3.access-key", "key", "atelier.s3.secret-key", "secret-key");

  private static AtelierConfig config(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(Map.of("atelier.s3.endpoint", "http://s3:7070"));
    settings.putAll(more);
    return new SmallRyeConfigBuilder()
        .withMapping(AtelierConfig.class)
        .withConverter(Duration.class, 200, new DurationConverter())
        .withSources(new PropertiesConfigSource(settings, "test", 100))
        .build()
        .getConfigMapping(AtelierConfig.class);
  }

  private static StoreLinks links(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(KEYS);
    settings.putAll(more);
    AtelierConfig config = config(settings);
    return new StoreLinks(new StoreProducer().objects(config), config);
  }

  @Test
  void shouldSignLinksForTheAddressUnderWhichUsersReachTheStore() {
    ObjectStore.Link link =
        links(Map.of("atelier.s3.public-endpoint", "https://s3.example.org")).link("a/b.pt");
    assertThat(link.href().toString())
        .startsWith("https://s3.example.org/atelier/a/b.pt?")
        .contains("X-Amz-Signature=")
        .contains("%2Fus-east-1%2F");
  }

  @Test
  void shouldSignLinksForTheRegionThatIsSet() {
    Map<String, String> settings =
        Map.of(
            "atelier.s3.public-endpoint", "https://s3.example.org",
            "atelier.s3.region", "eu-central-1");
    assertThat(links(settings).link("a/b.pt").href().toString()).contains("%2Feu-central-1%2F");
    assertThat(
            links(Map.of("atelier.s3.public-endpoint", "https://s3.eu-central-1.amazonaws.com"))
                .link("a/b.pt")
                .href()
                .toString())
        .contains("%2Feu-central-1%2F");
  }

  @Test
  void shouldGiveNoLinkWhereItIsNotKnownHowUsersReachTheStore() {
    assertThatThrownBy(() -> links(Map.of()).link("a/b.pt"))
        .isInstanceOfSatisfying(
            ProblemException.class,
            e -> assertThat(e.type()).isEqualTo(ProblemType.NO_PUBLIC_STORE))
        .hasMessageContaining("atelier.s3.public-endpoint");
    // As an empty variable of the environment is read.
    assertThatThrownBy(() -> links(Map.of("atelier.s3.public-endpoint", "")).link("a/b.pt"))
        .isInstanceOf(ProblemException.class);
  }

  @Test
  void shouldRefuseHalfOfAPairOfKeys() {
    AtelierConfig half = config(Map.of("atelier.s3.access-key", "key"));
    assertThatThrownBy(() -> new StoreProducer().objects(half))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            "atelier.s3.access-key is set without atelier.s3.secret-key; expected both, or neither");
  }
}
