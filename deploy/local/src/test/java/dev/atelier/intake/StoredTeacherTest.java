package dev.atelier.intake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.SourceGuard;
import dev.atelier.intake.TeacherFiles.Fetched;
import dev.atelier.network.files.TeacherException;
import dev.atelier.opening.Opener;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.ModelOrigin.TakenFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Teachers below a prefix of the object store, on the S3 server of the local stack. */
class StoredTeacherTest {

  private static final String BUCKET = "contract";
  private static final String SOURCE = "s3://contract/teams/one/";

  private static S3ServerProcess server;

  @TempDir Path temporary;

  @BeforeAll
  static void start(@TempDir Path data) throws Exception {
    server = S3ServerProcess.s3Proxy(data);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @BeforeEach
  void holdAPipeline() {
    store().list("").forEach(store()::delete);
    put("unet/config.json", "{}");
    put("unet/diffusion_pytorch_model.safetensors", "weights");
    put("unet/diffusion_pytorch_model.bin", "pickled");
    put("README.md", "---\nlicense: mit\n---\n");
    store().put("teams/one-and-more/config.json", bytes("another's"), "application/json");
  }

  private static ObjectStore store() {
    return server.store();
  }

  private static void put(String name, String content) {
    store().put("teams/one/" + name, bytes(content), "application/octet-stream");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private Fetched fetch(String source, List<String> buckets, ArchiveLimits limits) {
    SourcePolicy policy =
        new SourcePolicy(
            Optional.empty(), false, List.of(), Optional.of(buckets), "the-platforms-own");
    ArtifactCache cache =
        new ArtifactCache(
            temporary.resolve("cache"),
            OptionalLong.empty(),
            store(),
            new SourceGuard(policy, limits),
            Opener.HERE);
    return new TeacherFiles(store(), cache).fetch(source, Optional.empty(), sentence -> {});
  }

  private Fetched fetch(String source) {
    return fetch(source, List.of(BUCKET), ArchiveLimits.DEFAULTS);
  }

  private static List<String> names(Fetched fetched) {
    return fetched.origin().files().stream().map(TakenFile::name).toList();
  }

  @Test
  void shouldFetchWhatDiffusersWouldTakeAndKeepWhatItWas() throws IOException {
    Fetched fetched = fetch(SOURCE);
    assertThat(names(fetched))
        .containsExactly(
            "README.md", "unet/config.json", "unet/diffusion_pytorch_model.safetensors");
    assertThat(fetched.path().resolve("unet/diffusion_pytorch_model.safetensors"))
        .hasContent("weights");
    assertThat(fetched.origin().files().get(2).sha256()).isEqualTo(Sha256.of(bytes("weights")));
    assertThat(fetched.origin().source()).isEqualTo(SOURCE);
    assertThat(fetched.origin().license()).contains("mit");
    assertThat(fetched.origin().revision()).isEmpty();
    try (Stream<Path> here = Files.walk(fetched.path())) {
      assertThat(here.filter(Files::isRegularFile)).hasSize(3);
    }
  }

  @Test
  void shouldMakeAnotherCopyWhenTheObjectsChange() {
    Path first = fetch(SOURCE).path();
    assertThat(fetch(SOURCE).path()).isEqualTo(first);

    put("unet/diffusion_pytorch_model.safetensors", "changed");
    Path second = fetch(SOURCE).path();
    assertThat(second).isNotEqualTo(first);
    assertThat(second.resolve("unet/diffusion_pytorch_model.safetensors")).hasContent("changed");
    assertThat(first.resolve("unet/diffusion_pytorch_model.safetensors")).hasContent("weights");
  }

  @Test
  void shouldRefuseAPrefixWithoutObjectsAndABucketThatIsNotThere() {
    assertThatThrownBy(() -> fetch("s3://contract/teams/none/"))
        .isInstanceOf(TeacherException.class)
        .hasMessage(
            "Cannot import the teacher 's3://contract/teams/none/': there is no file below it.");
    assertThatThrownBy(() -> fetch("s3://nowhere/teams/one/", List.of("*"), ArchiveLimits.DEFAULTS))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("there is no bucket 'nowhere'");
  }

  @Test
  void shouldRefuseAPrefixThatHoldsNoFolderOfDiffusers() {
    store().delete("teams/one/unet/config.json");
    assertThatThrownBy(() -> fetch(SOURCE))
        .hasMessageContaining("expected config.json in the directory or in its folder unet_ema")
        .hasMessageContaining("found none");
    put("unet/config.json", "{}");
    store().delete("teams/one/unet/diffusion_pytorch_model.safetensors");
    assertThatThrownBy(() -> fetch(SOURCE))
        .hasMessageContaining("found only diffusion_pytorch_model.bin (save it again");
  }

  @Test
  void shouldKeepToTheBucketsAndTheLimitsOfSources() {
    assertThatThrownBy(() -> fetch(SOURCE, List.of("team"), ArchiveLimits.DEFAULTS))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("names the bucket 'contract'")
        .hasMessageContaining("(atelier.sources.buckets)");
    assertThatThrownBy(() -> fetch(SOURCE, List.of(BUCKET), new ArchiveLimits(100, 20, 200)))
        .hasMessageContaining("its files have more than 20 bytes (atelier.sources.archive-bytes)");
    assertThatThrownBy(() -> fetch(SOURCE, List.of(BUCKET), new ArchiveLimits(3, 1000, 200)))
        .hasMessageContaining("there are more than 3 (atelier.sources.archive-entries");
    assertThat(fetch(SOURCE, List.of(BUCKET), new ArchiveLimits(4, 1000, 200)).path())
        .as("negative control")
        .isDirectory();
  }
}
