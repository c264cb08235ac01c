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
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.ModelOrigin.TakenFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Teachers in a directory of the worker: what is kept of them, and where links may lead. */
class LocalTeacherTest {

  private static final ObjectStore NO_STORE =
      new ObjectStore("http://127.0.0.1:1", "user", "password", "bucket");

  @TempDir Path temporary;
  private Path allowed;
  private Path elsewhere;

  @BeforeEach
  void makeFolders() throws IOException {
    allowed = Files.createDirectories(temporary.resolve("allowed/unet")).getParent();
    elsewhere = Files.createDirectory(temporary.resolve("elsewhere"));
    Files.writeString(allowed.resolve("unet/config.json"), "{}");
    Files.writeString(elsewhere.resolve("weights"), "weights");
  }

  private Fetched fetch(String source, SourcePolicy policy) {
    ArtifactCache cache =
        new ArtifactCache(
            temporary.resolve("cache"),
            OptionalLong.empty(),
            NO_STORE,
            new SourceGuard(policy, ArchiveLimits.DEFAULTS),
            Opener.HERE);
    return new TeacherFiles(NO_STORE, cache).fetch(source, Optional.empty(), sentence -> {});
  }

  private SourcePolicy below(Path... directories) {
    return new SourcePolicy(
        Optional.empty(),
        false,
        List.of(directories).stream().map(Path::toString).toList(),
        Optional.empty(),
        "atelier");
  }

  @Test
  void shouldNotFollowALinkOutOfWhatIsAllowed() throws IOException {
    Path link = allowed.resolve("unet/diffusion_pytorch_model.safetensors");
    Files.createSymbolicLink(link, elsewhere.resolve("weights"));
    assertThatThrownBy(() -> fetch(allowed.toString(), below(allowed)))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("leads to '%s'".formatted(elsewhere.resolve("weights").toRealPath()))
        .hasMessageContaining("atelier.sources.directories");
    assertThat(fetch(allowed.toString(), below(allowed, elsewhere)).origin().files())
        .as("negative control: the Hub's own cache holds such links")
        .extracting(TakenFile::sha256)
        .contains(Sha256.of(elsewhere.resolve("weights")));
  }

  @Test
  void shouldKeepWhatASingleFileWas() throws IOException {
    Path file = Files.writeString(allowed.resolve("teacher.pt"), "module");
    Fetched fetched = fetch(file.toString(), below(allowed));
    assertThat(fetched.origin().license()).isEmpty();
    assertThat(fetched.origin().files())
        .containsExactly(new TakenFile("teacher.pt", 6, Sha256.of(file), List.of()));
  }

  @Test
  void shouldLeaveAPathThatIsNotThereToWhoReadsIt() {
    assertThat(fetch(allowed.resolve("none").toString(), below(allowed)).origin().files())
        .isEmpty();
  }
}
