package dev.atelier.attempt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.intake.TeacherFiles;
import dev.atelier.network.files.TeacherException;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Device;
import dev.atelier.work.Scope;
import dev.atelier.work.UnendedScope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A teacher is imported from a real S3 server, and what it was made of is kept with it. */
class TeacherImporterTest {

  private static final String SOURCE = "s3://contract/teams/one/";
  private static final Path DDPM = Path.of("../../activities/src/test/resources/network/diffusers");
  private static final ObjectMapper JSON = new ObjectMapper();

  private static EmbeddedPostgres postgres;
  private static S3ServerProcess server;

  @TempDir Path temporary;

  @BeforeAll
  static void start(@TempDir Path data) throws Exception {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    server = S3ServerProcess.s3Proxy(data);
  }

  @AfterAll
  static void stop() throws IOException {
    server.close();
    postgres.close();
  }

  @BeforeEach
  void insertExperiment() {
    sql()
        .useHandle(
            handle -> {
              handle.execute("delete from experiment");
              handle.execute(
                  "insert into experiment (id, name, spec, stage) values ('e', 'e', '{}', 'IMPORTING_TEACHER')");
              handle.execute(
                  """
                  insert into model (experiment_id, key, position, range_low, range_high, state,
                      total_steps)
                  values ('e', 'teacher', 0, 0, 1000, 'PENDING', 0)
                  """);
            });
  }

  private static Jdbi sql() {
    return Jdbi.create(postgres.getPostgresDatabase());
  }

  /** A tiny DDPM that diffusers has written, in two variants. */
  private static void holdAPipeline() throws IOException {
    server.store().list("teams/").forEach(server.store()::delete);
    byte[] weights = Files.readAllBytes(DDPM.resolve("diffusion_pytorch_model.safetensors"));
    put("unet/config.json", Files.readAllBytes(DDPM.resolve("config.json")));
    put("unet/diffusion_pytorch_model.safetensors", weights);
    put("unet/diffusion_pytorch_model.other.safetensors", weights);
    put("README.md", "---\nlicense: cc-by-4.0\n---\nA model.\n".getBytes(UTF_8));
  }

  private static void put(String name, byte[] content) {
    server.store().put("teams/one/" + name, content, "application/octet-stream");
  }

  @Test
  void shouldKeepSourceLicenseAndFilesWithTheTeacher() throws IOException {
    holdAPipeline();
    ModelRef teacher = importer().importTeacher(task(Optional.empty()), scope());

    ModelOrigin origin =
        CheckpointManifest.read(server.store(), teacher.manifestKey(), teacher.manifestSha256())
            .origin()
            .orElseThrow();
    assertThat(origin.source()).isEqualTo(SOURCE);
    assertThat(origin.license()).contains("cc-by-4.0");
    assertThat(origin.files())
        .extracting(ModelOrigin.TakenFile::name)
        .containsExactly(
            "README.md", "unet/config.json", "unet/diffusion_pytorch_model.safetensors");
    assertThat(origin.files().get(2).dtypes()).containsExactly("F32");
    assertThat(origin.files().get(2).sha256())
        .isEqualTo(Sha256.of(DDPM.resolve("diffusion_pytorch_model.safetensors")));
    assertThat(JSON.readTree(column("origin")).path("license").asText()).isEqualTo("cc-by-4.0");
    assertThat(JSON.readTree(column("origin")).path("files")).hasSize(3);
    assertThat(events())
        .singleElement()
        .asString()
        .startsWith("took unet/diffusion_pytorch_model.safetensors, F32")
        .endsWith("; s3://contract/teams/one/, license cc-by-4.0");
  }

  @Test
  void shouldTakeTheVariantOfTheSpec() throws IOException {
    holdAPipeline();
    var unused = importer().importTeacher(task(Optional.of("other")), scope());
    assertThat(events().get(0))
        .startsWith("took unet/diffusion_pytorch_model.other.safetensors, F32");
    assertThat(column("origin")).contains("other.safetensors").doesNotContain("model.safetensors");
  }

  @Test
  void shouldKeepThePartsOfAPipelineBesideItsNetwork() throws IOException {
    Path pipeline = Path.of("../../activities/src/test/resources/pipeline/sd1");
    server.store().list("teams/").forEach(server.store()::delete);
    try (Stream<Path> files = Files.walk(pipeline)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        put(pipeline.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    ModelRef teacher =
        importer()
            .importTeacher(
                new ImportTeacher(
                    "e",
                    SOURCE,
                    new DatasetRef("d", 9, 16, 3, 0, 0),
                    DiffusionSpec.OF_TEACHER,
                    TeacherSpec.DEFAULT_NETWORK,
                    Optional.empty(),
                    Optional.empty()),
                scope());

    CheckpointManifest manifest =
        CheckpointManifest.read(server.store(), teacher.manifestKey(), teacher.manifestSha256());
    assertThat(manifest.objects())
        .extracting(CheckpointManifest.StoredFile::name)
        .contains("ema.safetensors", "vae/config.json", "tokenizer/vocab.json")
        .contains("text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors")
        .doesNotContain("unet/config.json");
    assertThat(manifest.file("tokenizer/vocab.json").sha256())
        .isEqualTo(Sha256.of(pipeline.resolve("tokenizer/vocab.json")));
    NetworkSpec network = teacher.network().orElseThrow();
    assertThat(network.latents()).contains(new NetworkSpec.LatentsSpec(4, 2));
    assertThat(network.crossAttention()).isPresent();
    assertThat(events().get(0)).contains("with vae, text_encoder, tokenizer");
  }

  @Test
  void shouldKeepNothingOfATeacherThatIsRefused() {
    server.store().list("teams/").forEach(server.store()::delete);
    assertThatThrownBy(() -> importer().importTeacher(task(Optional.empty()), scope()))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("there is no file below it");
    assertThat(column("origin")).isNull();
    assertThat(events()).isEmpty();
  }

  private static ImportTeacher task(Optional<String> variant) {
    return new ImportTeacher(
        "e",
        SOURCE,
        new DatasetRef("d", 9, 8, 3, 0, 0),
        DiffusionSpec.DEFAULTS,
        TeacherSpec.DEFAULT_NETWORK,
        Optional.empty(),
        variant);
  }

  private TeacherImporter importer() {
    ArtifactCache cache = new ArtifactCache(temporary.resolve("cache"), server.store());
    EventHistory events = new EventHistory(postgres.getPostgresDatabase());
    return new TeacherImporter(
        new Attempts(
            server.store(),
            postgres.getPostgresDatabase(),
            new Device("cpu", 1, OptionalLong.empty()),
            "worker"),
        cache,
        new TeacherFiles(server.store(), cache),
        new ExperimentHistory(postgres.getPostgresDatabase()),
        events);
  }

  private Scope scope() throws IOException {
    Path work = Files.createTempDirectory(temporary, "work");
    return new UnendedScope(work, doing -> {});
  }

  private static String column(String name) {
    return sql()
        .withHandle(
            handle ->
                handle.createQuery("select " + name + " from model").mapTo(String.class).one());
  }

  private static List<String> events() {
    return sql()
        .withHandle(
            handle ->
                handle
                    .createQuery(
                        "select detail from event where kind = 'teacher-taken' order by id")
                    .mapTo(String.class)
                    .list());
  }
}
