package dev.atelier.intake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.SourceCredentials;
import dev.atelier.dataset.SourceGuard;
import dev.atelier.intake.TeacherFiles.Fetched;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.files.TeacherImport.Weights;
import dev.atelier.opening.Opener;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.ModelOrigin.TakenFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Teachers from the Hub: what is fetched, what is kept of it, and what is refused. */
class HubTeacherTest {

  private static final ObjectStore NO_STORE =
      new ObjectStore("http://127.0.0.1:1", "user", "password", "bucket");
  private static final String SOURCE = "hf://%s@%s".formatted(StandInHub.ID, StandInHub.COMMIT);
  private static final Path DDPM = Path.of("src/test/resources/network/diffusers");
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path temporary;
  private StandInHub hub;

  @BeforeEach
  void holdAPipeline() throws IOException {
    hub =
        new StandInHub()
            .with(DDPM, "unet/")
            .with("model_index.json", "{\"_class_name\": \"DDPMPipeline\"}")
            .with("scheduler/scheduler_config.json", "{\"_class_name\": \"DDPMScheduler\"}")
            .with("README.md", "---\nlicense: apache-2.0\ntags: [x]\n---\n# A model\n");
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private SourceGuard guard(String... hosts) {
    return guard(ArchiveLimits.DEFAULTS, SourceCredentials.NONE, hosts);
  }

  private SourceGuard guard(ArchiveLimits limits, SourceCredentials credentials, String... hosts) {
    return new SourceGuard(
        new SourcePolicy(
            Optional.of(List.of(hosts)),
            true,
            List.of(),
            Optional.empty(),
            "atelier",
            hub.endpoint()),
        limits,
        credentials);
  }

  private Fetched fetch(String source, Optional<String> variant, SourceGuard guard) {
    ArtifactCache cache =
        new ArtifactCache(
            temporary.resolve("cache"), OptionalLong.empty(), NO_STORE, guard, Opener.HERE);
    return new TeacherFiles(NO_STORE, cache).fetch(source, variant, sentence -> {});
  }

  private Fetched fetch(String source) {
    return fetch(source, Optional.empty(), guard("127.0.0.1", "localhost"));
  }

  private String refusal(String source) {
    return refusal(source, guard("127.0.0.1", "localhost"));
  }

  private String refusal(String source, SourceGuard guard) {
    List<String> message = new ArrayList<>();
    assertThatThrownBy(() -> fetch(source, Optional.empty(), guard))
        .isInstanceOf(TeacherException.class)
        .satisfies(e -> message.add(e.getMessage()));
    assertThat(message.get(0)).startsWith("Cannot import the teacher 'hf://").endsWith(".");
    return message.get(0);
  }

  private static List<String> names(Fetched fetched) {
    return fetched.origin().files().stream().map(TakenFile::name).toList();
  }

  @Test
  void shouldTakeWhatDiffusersWouldAndKeepWhatItWas() throws IOException {
    hub.with("unet/diffusion_pytorch_model.bin", "pickled")
        .with("unet/diffusion_pytorch_model.fp16.safetensors", "another variant")
        .with("all.ckpt", "pickled")
        .with("samples/1.png", "a picture")
        .with("unet/old/config.json", "{}");

    Fetched fetched = fetch(SOURCE);

    assertThat(names(fetched))
        .containsExactly(
            "README.md",
            "model_index.json",
            "scheduler/scheduler_config.json",
            "unet/config.json",
            WEIGHTS);
    assertThat(fetched.origin().source()).isEqualTo(SOURCE);
    assertThat(fetched.origin().revision()).contains(StandInHub.COMMIT);
    assertThat(fetched.origin().license()).contains("apache-2.0");
    for (TakenFile file : fetched.origin().files()) {
      byte[] content = hub.files.get(file.name());
      assertThat(fetched.path().resolve(file.name())).hasBinaryContent(content);
      assertThat(file.sha256()).isEqualTo(Sha256.of(content));
      assertThat(file.bytes()).isEqualTo(content.length);
    }
    try (Stream<Path> there = Files.walk(fetched.path())) {
      assertThat(there.filter(Files::isRegularFile)).hasSize(5);
    }
    assertThat(hub.asked).contains("lfs /" + WEIGHTS + " null");
  }

  @Test
  void shouldBeReadAsATeacherWhenItIsFetched() throws IOException {
    Path work = Files.createDirectory(temporary.resolve("work"));
    TeacherImport.Expected expected =
        new TeacherImport.Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.DEFAULTS);
    assertThat(TeacherImport.read(fetch(SOURCE).path(), SOURCE, expected, "cpu", work))
        .isInstanceOfSatisfying(
            Weights.class, teacher -> assertThat(teacher.taken()).startsWith(WEIGHTS + ", F32"));
  }

  @Test
  void shouldFetchNothingAgainOfACommitThatIsHere() {
    Path first = fetch(SOURCE).path();
    hub.asked.clear();
    assertThat(fetch(SOURCE).path()).isEqualTo(first);
    assertThat(hub.asked)
        .containsExactly(
            "hub /api/models/%s/revision/%s null".formatted(StandInHub.ID, StandInHub.COMMIT));
    hub.close();
    assertThat(fetch(SOURCE).path()).as("the Hub is away").isEqualTo(first);
  }

  @Test
  void shouldTakeTheVariantThatIsAskedFor() {
    String half = "unet/diffusion_pytorch_model.fp16.safetensors";
    hub.with(half, "half").with("vae/config.json", "{}");
    hub.with("vae/diffusion_pytorch_model.safetensors", "of no variant");
    SourceGuard guard = guard("127.0.0.1", "localhost");

    assertThat(names(fetch(SOURCE, Optional.of("fp16"), guard)))
        .contains(half, "vae/diffusion_pytorch_model.safetensors")
        .doesNotContain(WEIGHTS);
    assertThat(names(fetch(SOURCE))).contains(WEIGHTS).doesNotContain(half);
    assertThatThrownBy(() -> fetch(SOURCE, Optional.of("bf16"), guard))
        .hasMessageContaining(
            "expected the variant bf16 (teacher.variant) of %s, found none and the variants fp16"
                .formatted(WEIGHTS));
  }

  @Test
  void shouldTakeAFolderOfTheModelWhenItIsNamed() {
    assertThat(names(fetch(SOURCE + "/unet"))).containsExactly("config.json", WEIGHTS.substring(5));
    assertThat(names(fetch(SOURCE + "/unet/"))).contains("config.json");
    assertThat(refusal(SOURCE + "/un")).contains("there is no file below it");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "---\\nlicense: mit\\n---\\n | openrail | mit",
        "---\\nlicense: other\\nlicense_name: team-terms\\n---\\n | | other (team-terms)",
        "---\\nlicense:\\n  - cc-by-4.0\\n---\\n | | cc-by-4.0",
        "# license: none of the front matter | openrail | openrail",
        "# nothing | | ",
      })
  void shouldKeepTheLicenseThatIsStated(String readme, String card, String expected) {
    hub.with("README.md", readme.replace("\\n", "\n"));
    hub.license = Optional.ofNullable(card);
    assertThat(fetch(SOURCE).origin().license()).isEqualTo(Optional.ofNullable(expected));
  }

  @Test
  void shouldSendTheTokenToTheHubAlone() throws IOException {
    hub.gated = true;
    Path file =
        Files.writeString(
            temporary.resolve("credentials"),
            """
            hub.hosts=127.0.0.1
            hub.value=%s
            stale.hosts=127.0.0.1
            stale.value=Bearer hf_stale
            """
                .formatted(StandInHub.TOKEN));
    SourceGuard guard =
        guard(
            ArchiveLimits.DEFAULTS,
            new SourceCredentials(Optional.of(file)),
            "127.0.0.1",
            "localhost");

    assertThat(refusal(SOURCE, guard))
        .contains(
            "The Hub gives 'tester/tiny' only to who has accepted its terms (HTTP status 403)")
        .contains("#credentials=NAME (atelier.sources.credentials-file)");
    assertThat(refusal(SOURCE + "#credentials=stale", guard))
        .contains("the credentials 'stale' are not enough")
        .doesNotContain("hf_stale");

    hub.asked.clear();
    Fetched fetched = fetch(SOURCE + "#credentials=hub", Optional.empty(), guard);
    assertThat(hub.asked)
        .filteredOn(request -> request.startsWith("hub"))
        .isNotEmpty()
        .allMatch(request -> request.endsWith(" " + StandInHub.TOKEN));
    assertThat(hub.asked)
        .filteredOn(request -> request.startsWith("lfs"))
        .isNotEmpty()
        .allMatch(request -> request.endsWith(" null"));
    assertThat(fetched.origin().toString()).doesNotContain("hf_secret", "credentials");
    assertThat(refusal(SOURCE, guard)).as("not theirs who name none").contains("accepted");
  }

  @Test
  void shouldNotSendTheTokenToAnotherPortOfTheHubsHost() throws IOException {
    Path file =
        Files.writeString(
            temporary.resolve("credentials"),
            "hub.hosts=127.0.0.1,localhost\nhub.value=Bearer x\n");
    // The host of LFS is allowed the token by its name, yet another server may have that port.
    fetch(
        SOURCE + "#credentials=hub",
        Optional.empty(),
        guard(
            ArchiveLimits.DEFAULTS,
            new SourceCredentials(Optional.of(file)),
            "127.0.0.1",
            "localhost"));
    assertThat(hub.asked).contains("lfs /" + WEIGHTS + " null");
    assertThat(hub.asked)
        .contains("hub /tester/tiny/resolve/%s/README.md Bearer x".formatted(StandInHub.COMMIT));
  }

  @Test
  void shouldRefuseARevisionThatMoved() {
    String other = "f".repeat(40);
    hub.commitOfFiles = other;
    assertThat(refusal(SOURCE))
        .contains(
            "The revision of 'tester/tiny' has moved: expected commit %s, the Hub says %s"
                .formatted(StandInHub.COMMIT, other));
    hub.commit = other;
    hub.commitOfFiles = StandInHub.COMMIT;
    assertThat(refusal(SOURCE)).contains("has moved").contains("the Hub says " + other);
    hub.commit = StandInHub.COMMIT;
    assertThat(names(fetch(SOURCE))).as("negative control").contains(WEIGHTS);
  }

  @Test
  void shouldRefuseAFileOfAnotherDigest() throws IOException {
    hub.otherDigest = Optional.of("0".repeat(64));
    assertThat(refusal(SOURCE))
        .contains("expected '%s' to have the SHA-256 000".formatted(WEIGHTS))
        .contains("found " + Sha256.of(hub.files.get(WEIGHTS)))
        .contains("the file is not kept");
    try (Stream<Path> kept = Files.walk(temporary.resolve("cache"))) {
      assertThat(kept.map(Path::toString)).noneMatch(path -> path.endsWith(".safetensors"));
    }
    hub.otherDigest = Optional.empty();
    assertThat(names(fetch(SOURCE))).as("negative control").contains(WEIGHTS);
  }

  @Test
  void shouldRefuseAFileThatIsNotWhatTheHubAnnouncesWhereItListsNoDigest() {
    hub.listsDigests = false;
    hub.otherDigest = Optional.of("0".repeat(64));
    assertThat(refusal(SOURCE))
        .contains("The Hub announces '%s' with the SHA-256 000".formatted(WEIGHTS));
    hub.otherDigest = Optional.empty();
    assertThat(names(fetch(SOURCE))).as("negative control").contains(WEIGHTS);
  }

  @Test
  void shouldRefuseWhatTheHubDoesNotKnow() {
    assertThat(refusal("hf://tester/none@" + StandInHub.COMMIT))
        .contains(
            "The Hub knows no model 'tester/none', or asks for a login to show it (HTTP status 401)");
    assertThat(refusal("hf://tester/tiny@" + "e".repeat(40)))
        .contains("The model 'tester/tiny' of the Hub has no commit eeee");
    assertThat(hub.asked).noneMatch(request -> request.contains("resolve"));
  }

  @Test
  void shouldRefuseBeforeAnyWeightIsFetchedWhenItIsNoFolderOfDiffusers() {
    hub.files.clear();
    hub.with("v1-5-pruned.ckpt", "pickled").with("README.md", "x");
    assertThat(refusal(SOURCE))
        .contains("expected config.json in the directory or in its folder unet_ema")
        .contains("found only v1-5-pruned.ckpt (save the pipeline with save_pretrained)");

    hub.with("unet/config.json", "{}").with("unet/diffusion_pytorch_model.bin", "pickled");
    assertThat(refusal(SOURCE)).contains("found only diffusion_pytorch_model.bin (save it again");

    hub.with("unet/diffusion_pytorch_model.safetensors.index.json", "{}")
        .with("unet/diffusion_pytorch_model-00001-of-00002.safetensors", "a shard");
    assertThat(refusal(SOURCE))
        .contains(
            "the shard 'diffusion_pytorch_model-00002-of-00002.safetensors' of unet/diffusion_pytorch_model.safetensors.index.json is not there");
    assertThat(hub.asked).noneMatch(request -> request.contains("resolve"));
  }

  @ParameterizedTest
  @CsvSource({
    "unet/../../../leaves.json",
    "../leaves.json",
    "/etc/leaves.json",
    "C:/leaves.json",
    "unet\\..\\x"
  })
  void shouldRefuseANameThatLeavesTheFolder(String name) {
    hub.with(name, "x");
    assertThat(refusal(SOURCE)).contains("it holds the name '%s', which leads out".formatted(name));
    assertThat(temporary.resolve("leaves.json")).doesNotExist();
    hub.files.remove(name);
    assertThat(names(fetch(SOURCE))).as("negative control").contains(WEIGHTS);
  }

  @Test
  void shouldKeepToTheLimitsOfSources() {
    SourceCredentials none = SourceCredentials.NONE;
    long bytes = names(fetch(SOURCE)).stream().mapToLong(name -> hub.files.get(name).length).sum();
    ArchiveLimits small = new ArchiveLimits(100, bytes - 1, 200);
    assertThat(refusal(SOURCE, guard(small, none, "127.0.0.1", "localhost")))
        .contains("more than %d bytes (atelier.sources.archive-bytes)".formatted(bytes - 1));
    ArchiveLimits few = new ArchiveLimits(4, bytes, 200);
    assertThat(refusal(SOURCE, guard(few, none, "127.0.0.1", "localhost")))
        .contains("5 files of it are needed, more than 4 (atelier.sources.archive-entries)");
    ArchiveLimits enough = new ArchiveLimits(5, bytes, 200);
    assertThat(
            fetch(SOURCE, Optional.empty(), guard(enough, none, "127.0.0.1", "localhost")).path())
        .isDirectory();
  }

  @Test
  void shouldAskOnlyHostsThatAreAllowed() {
    assertThat(refusal(SOURCE, guard("localhost")))
        .contains("names the host '127.0.0.1': expected one of localhost (atelier.sources.hosts)");
    assertThat(hub.asked).isEmpty();
    assertThat(refusal(SOURCE, guard("127.0.0.1"))).contains("names the host 'localhost'");
    assertThat(hub.asked).noneMatch(request -> request.startsWith("lfs"));
  }

  @Test
  void shouldRefuseAnAnswerThatIsNoListing() {
    hub.commit = "";
    assertThat(refusal(SOURCE)).contains("the Hub says none");
  }
}
