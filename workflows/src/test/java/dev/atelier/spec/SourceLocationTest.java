package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceLocation.MalformedSourceException;
import dev.atelier.spec.SourceLocation.StoredFolder;
import dev.atelier.spec.SourceLocation.StoredObject;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders of the object store and models of the Hub, as sources name them. */
class SourceLocationTest {

  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @Test
  void shouldTellAPrefixFromAnObjectByTheSlashAtItsEnd() {
    assertThat(SourceLocation.parse("s3://team/a/b/")).isEqualTo(new StoredFolder("team", "a/b/"));
    assertThat(SourceLocation.parse("s3://team/a/b")).isEqualTo(new StoredObject("team", "a/b"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "s3://team/",
        "s3://team//",
        "s3://team/a//",
        "s3://team/../",
        "s3://team/a/./",
        "s3://t@x/a/"
      })
  void shouldRefuseAPrefixThatCouldBeReadInTwoWays(String source) {
    assertThatThrownBy(() -> SourceLocation.parse(source))
        .isInstanceOf(MalformedSourceException.class);
  }

  @Test
  void shouldReadAModelOfTheHub() {
    assertThat(SourceLocation.parse("hf://google/ddpm-church-256@" + COMMIT))
        .isEqualTo(
            new HubModel("google", "ddpm-church-256", COMMIT, Optional.empty(), Optional.empty()));
    assertThat(SourceLocation.parse("HF://a/b.c@" + COMMIT + "/checkpoints/1000/#credentials=team"))
        .isEqualTo(
            new HubModel("a", "b.c", COMMIT, Optional.of("checkpoints/1000"), Optional.of("team")));
  }

  @ParameterizedTest
  @CsvSource({
    "hf://google/ddpm, needs a commit of 40 hexadecimal digits",
    "hf://google/ddpm@main, found 'main': the History of the model's files on the Hub shows it",
    "hf://google/ddpm@v1.0, git ls-remote https://huggingface.co/google/ddpm.",
    "hf://google/ddpm@0123456, found '0123456'",
    "hf://google/ddpm@0123456789ABCDEF0123456789ABCDEF01234567, found '0123456789ABCDEF",
    "hf://ddpm@COMMIT, needs a model of the Hub and its commit",
    "hf://google@x/ddpm@COMMIT, needs a model of the Hub and its commit",
    "hf:///ddpm@COMMIT, needs a model of the Hub and its commit",
    "hf:google/ddpm@COMMIT, needs a model of the Hub and its commit",
    "hf://google/..@COMMIT, needs a model of the Hub and its commit",
    "hf://google:80/ddpm@COMMIT, needs a model of the Hub and its commit",
    "hf://google/a%2Fb@COMMIT, needs a model of the Hub and its commit",
    "hf://google/ddpm@COMMIT/../x, needs a folder without empty parts",
    "hf://google/ddpm@COMMIT/a//b, needs a folder without empty parts",
    "hf://google/ddpm@COMMIT/%2e%2e, needs a folder of letters",
    "hf://google/ddpm@COMMIT?x=1, has a part after '?'",
    "hf://google/ddpm@COMMIT#token=x, expected none or credentials=NAME",
  })
  void shouldRefuseAModelThatIsNotPinnedOrCouldBeReadInTwoWays(String source, String message) {
    assertThatThrownBy(() -> SourceLocation.parse(source.replace("COMMIT", COMMIT)))
        .isInstanceOf(MalformedSourceException.class)
        .satisfies(
            e -> assertThat(e.getMessage().replace(", or", " or")).contains(message).endsWith("."));
  }

  @Test
  void shouldTakeThemOfATeacherAlone() {
    for (String source : List.of("s3://team/a/", "hf://a/b@" + COMMIT)) {
      assertThat(SourceRules.teacherFault(source)).isEmpty();
      assertThat(SourceRules.datasetFault(source).orElseThrow())
          .contains("which teachers and CLIP models alone may");
      assertThat(SourceRules.locationFault(source)).as("an extractor").isPresent();
    }
  }

  @Test
  void shouldHoldThePolicyForThem() {
    String model = "hf://a/b@" + COMMIT;
    assertThat(policy(List.of("data.example.org"), SourcePolicy.PUBLIC_HUB).fault(model))
        .hasValueSatisfying(
            message ->
                assertThat(message)
                    .contains("'huggingface.co'", "expected one of data.example.org")
                    .contains("atelier.sources.hosts"));
    assertThat(policy(List.of("huggingface.co"), SourcePolicy.PUBLIC_HUB).fault(model)).isEmpty();
    URI mirror = URI.create("https://hub.example.org/models/");
    assertThat(policy(List.of("huggingface.co"), mirror).fault(model)).isPresent();
    assertThat(policy(List.of("*.example.org"), mirror).fault(model)).isEmpty();
    URI inside = URI.create("http://127.0.0.1:8080");
    assertThat(policy(List.of("*"), inside).fault(model).orElseThrow()).contains("not public");

    SourcePolicy open = policy(List.of("*"), mirror);
    assertThat(open.fault("s3://atelier/experiments/x/").orElseThrow()).contains("'atelier'");
    assertThat(open.fault("s3://team/a/")).isEmpty();
  }

  private static SourcePolicy policy(List<String> hosts, URI hub) {
    return new SourcePolicy(Optional.of(hosts), false, List.of(), Optional.empty(), "atelier", hub);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"huggingface.co", "ftp://huggingface.co", "https:/models", "https://h/?a=b"})
  void shouldRefuseAHubThatIsNoBaseUrl(String hub) {
    assertThatThrownBy(() -> policy(List.of("*"), URI.create(hub)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("atelier.sources.hub is '");
  }
}
