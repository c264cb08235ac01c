package dev.atelier.api.contract;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.atelier.api.Launches;
import dev.atelier.api.access.SecuredProfile;
import dev.atelier.store.objects.ObjectStore;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What generators make of the contract works: the Python clients call this server, the TypeScript
 * one has its types checked, the Java one compiles. {@code ./atelier test} brings what they need.
 */
@QuarkusTest
@TestProfile(SecuredProfile.class)
@Tag("real")
class GeneratedClientsTest {

  private static final Path CLIENTS = Path.of("target/clients").toAbsolutePath();
  private static final Path CONTRACT = Path.of("openapi/openapi.json").toAbsolutePath();
  private static final Path SCRIPTS = Path.of("src/test/python").toAbsolutePath();
  private static final byte[] PICTURE = "a picture".getBytes(UTF_8);

  @Inject Jdbi jdbi;
  @Inject ObjectStore store;

  @TestHTTPResource("/")
  URI server;

  @TempDir Path folder;

  @Test
  void shouldCallTheServerWithTheGeneratedPythonClient() throws Exception {
    check(
        run(
            Map.of("PYTHONPATH", CLIENTS.resolve("python").toString(), "ATELIER_TOKEN", token()),
            "clients_python",
            SCRIPTS.resolve("call_every_operation.py").toString(),
            address(),
            CONTRACT.toString(),
            experiment(),
            study()));
  }

  @Test
  void shouldLoseNothingInTheClientOfAnotherGenerator() throws Exception {
    check(
        run(
            Map.of(),
            "clients_python",
            "-m",
            "openapi_python_client",
            "generate",
            "--fail-on-warning",
            "--path=" + CONTRACT,
            "--config=" + Path.of("clients/openapi-python-client.yaml").toAbsolutePath(),
            "--output-path=" + folder.resolve("client")));
    check(
        run(
            Map.of("PYTHONPATH", folder.resolve("client").toString(), "ATELIER_TOKEN", token()),
            "clients_python",
            SCRIPTS.resolve("call_by_other_client.py").toString(),
            address(),
            CONTRACT.toString()));
  }

  @Test
  void shouldCheckTheTypesOfTheGeneratedTypeScriptClient() throws Exception {
    String asks = "const %s = (await experiments.showExperiment({ id: 'x' })).name;";
    check(typeScript(asks.formatted("name: string | undefined")));
    assertThat(typeScript(asks.formatted("name: number | undefined")).said)
        .contains("Type 'string' is not assignable to type 'number'");
  }

  @Test
  void shouldCompileTheGeneratedJavaClient() throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "-nowarn",
                "-proc:none",
                "-d",
                folder.toString(),
                "-cp",
                System.getProperty("java.class.path")));
    try (Stream<Path> sources = Files.walk(CLIENTS.resolve("java/src/main/java"))) {
      sources.map(Path::toString).filter(name -> name.endsWith(".java")).forEach(arguments::add);
    }
    assertThat(compiler.run(null, null, null, arguments.toArray(String[]::new))).isZero();
    assertThat(folder.resolve("dev/atelier/client/api/ExperimentsApi.class")).exists();
  }

  /** Checks a function of these statements, which use the client. */
  private Outcome typeScript(String statements) throws Exception {
    Path use = folder.resolve("use.ts");
    Files.writeString(
        use,
        """
        import { Configuration, ExperimentsApi } from '%s';
        export async function use() {
          const experiments = new ExperimentsApi(new Configuration({ basePath: '' }));
          %s
        }
        """
            .formatted(CLIENTS.resolve("typescript/index"), statements));
    return run(
        Map.of(),
        "tsc",
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--lib",
        "es2022,dom",
        "--types",
        "",
        use.toString());
  }

  /** An experiment that has one of everything that can be asked for; returns its id. */
  private String experiment() throws Exception {
    String id = Launches.launch(admin(), "{\"name\": \"clients\"}");
    String key = "experiments/%s/samples/samples-teacher.png".formatted(id);
    store.put(key, PICTURE, "image/png");
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into artifact (experiment_id, name, kind, object_key, content_type, bytes,
                sha256)
              values (?, 'samples-teacher.png', 'grid', ?, 'image/png', ?, 'abc')
              """,
              id,
              key,
              PICTURE.length);
          handle.execute(
              """
              insert into evaluation (experiment_id, subject, metric, distance, macs_per_step,
                parameters, images_per_second, peak_memory_bytes, protocol, metrics)
              values (?, 'o2mkd', 'FD', 7.25, 100, 10, 1.5, 0, '{"samples": 5}', '{"kid": 0.5}')
              """,
              id);
          handle.execute(
              """
              insert into metric_point (model_id, series, step, value)
              select m.id, 'loss', n, case n when 2 then 'NaN' else n / 4.0 end
              from model m, generate_series(1, 3) n where m.experiment_id = ?
              """,
              id);
          handle.execute(
              """
              update model set state = 'DONE', step = 100, parameters = 5, finished_at = now()
              where key = 'teacher' and experiment_id = ?
              """,
              id);
          handle.execute(
              "update experiment set dataset = cast(? as jsonb) where id = ?",
              "{\"sha256\":\"%s\",\"images\":64,\"resolution\":16,\"channels\":3,\"skipped\":0,\"classes\":0}"
                  .formatted("c".repeat(64)),
              id);
        });
    return id;
  }

  /** A study with a file; returns its id. */
  private String study() throws Exception {
    String id = "study-" + UUID.randomUUID();
    String key = "studies/%s/report/plot.png".formatted(id);
    store.put(key, PICTURE, "image/png");
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into study (id, name, question, spec, stage, request_sha256)
              values (?, 's', 'q', '{"name": "s", "question": "q"}', 'DONE', '')
              """,
              id);
          handle.execute(
              """
              insert into study_artifact (study_id, name, object_key, content_type, bytes, sha256)
              values (?, 'plot.png', ?, 'image/png', ?, 'abc')
              """,
              id,
              key,
              PICTURE.length);
        });
    return id;
  }

  private static RequestSpecification admin() {
    return given().header("Authorization", "Bearer " + SecuredProfile.BOOTSTRAP_TOKEN);
  }

  /** One of an admin, made for a client. */
  private static String token() {
    return admin()
        .contentType("application/json")
        .body("{\"name\": \"client\", \"role\": \"admin\"}")
        .post("/api/v1/tokens")
        .then()
        .statusCode(201)
        .extract()
        .path("token");
  }

  private String address() {
    return server.toString().replaceAll("/$", "");
  }

  private record Outcome(int status, String said) {}

  private static void check(Outcome outcome) {
    assertThat(outcome.status).as("%s", outcome.said).isZero();
  }

  /** Runs a program that {@code ./atelier test} has brought; skips the test where it is missing. */
  private static Outcome run(Map<String, String> environment, String program, String... arguments)
      throws IOException, InterruptedException {
    Optional<Path> found =
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator, -1))
            .map(path -> Path.of(path, program))
            .filter(Files::isExecutable)
            .findFirst();
    assumeTrue(found.isPresent(), "missing: clients");
    List<String> command = new ArrayList<>(List.of(found.orElseThrow().toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Outcome(process.waitFor(), said);
  }
}
