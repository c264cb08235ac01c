package dev.atelier.worker;

import static dev.atelier.worker.WorkerConfig.Role.COMPUTE;
import static dev.atelier.worker.WorkerConfig.Role.LIGHT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.version.CodeVersion;
import io.temporal.common.WorkerDeploymentVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkerConfigTest {
  private static final String MEMORY = "atelier.worker.sampling-memory-bytes";
  private static final String THREADS = "atelier.worker.threads";
  private static final String DEPLOYMENT = "atelier.worker.deployment.name";
  private static final String BUILD = "atelier.worker.deployment.build-id";
  private static final String ROLES = "atelier.worker.roles";
  private static final String QUEUES = "atelier.worker.task-queues";
  private static final String PASSWORD_FILE = "atelier.database.password-file";
  private static final String MAIL = "atelier.mail.";
  private static final Map<String, String> REQUIRED =
      Map.of(
          "atelier.database.url", "jdbc:postgresql://127.0.0.1/a",
          "atelier.database.user", "a",
          "atelier.database.password", "a",
          "atelier.s3.endpoint", "http://127.0.0.1:1",
          "atelier.s3.access-key", "a",
          "atelier.s3.secret-key", "a",
          "atelier.worker.cache-dir", "cache");

  @AfterEach
  void forget() {
    REQUIRED.keySet().forEach(System::clearProperty);
    List.of(MEMORY, THREADS, DEPLOYMENT, BUILD, ROLES, QUEUES, PASSWORD_FILE)
        .forEach(System::clearProperty);
    List.of("host", "from", "user", "password", "security")
        .forEach(name -> System.clearProperty(MAIL + name));
  }

  @Test
  void shouldBoundSamplingMemoryOnlyWhenConfigured() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerConfig.load().worker().samplingMemoryBytes()).isEmpty();
    System.setProperty(MEMORY, "1000000000");
    assertThat(WorkerConfig.load().worker().samplingMemoryBytes()).hasValue(1_000_000_000L);
  }

  @Test
  void shouldUseNoMoreThreadsThanProcessors() {
    REQUIRED.forEach(System::setProperty);
    System.setProperty(THREADS, "1");
    assertThat(WorkerConfig.load().worker().threads()).isEqualTo(1);
    System.setProperty(THREADS, "1000000");
    assertThat(WorkerConfig.load().worker().threads())
        .isEqualTo(Runtime.getRuntime().availableProcessors());
  }

  @Test
  void shouldRefuseNoThreadsAndNamesOfThem() {
    REQUIRED.forEach(System::setProperty);
    for (String wrong : List.of("0", "-1", "two")) {
      System.setProperty(THREADS, wrong);
      assertThatThrownBy(WorkerConfig::load).as(wrong).hasMessageContaining(THREADS);
    }
  }

  @Test
  void shouldHaveNoVersionUnlessADeploymentIsNamedAndThenTheCodesOwn() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerMain.versioning(WorkerConfig.load().worker().deployment())).isEmpty();

    System.setProperty(DEPLOYMENT, "atelier");
    assertThat(version()).isEqualTo(new WorkerDeploymentVersion("atelier", CodeVersion.ofAll()));
    System.setProperty(BUILD, "7");
    assertThat(version()).isEqualTo(new WorkerDeploymentVersion("atelier", "7"));
  }

  private static WorkerDeploymentVersion version() {
    return WorkerMain.versioning(WorkerConfig.load().worker().deployment())
        .orElseThrow()
        .getVersion();
  }

  @Test
  void shouldServeTheQueueOfItsDeviceClassUnlessQueuesAreListed() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerConfig.load().worker().roles()).containsExactlyInAnyOrder(LIGHT, COMPUTE);
    assertThat(WorkerMain.computeQueues(WorkerConfig.load().worker()))
        .containsExactly("atelier-cpu");
    System.setProperty(ROLES, "compute");
    System.setProperty(QUEUES, "atelier-gpu-a100,atelier-gpu");
    assertThat(WorkerConfig.load().worker().roles()).containsExactly(COMPUTE);
    assertThat(WorkerMain.computeQueues(WorkerConfig.load().worker()))
        .containsExactly("atelier-gpu-a100", "atelier-gpu");
  }

  @Test
  void shouldRefuseAQueueThatNoSpecCanName() {
    REQUIRED.forEach(System::setProperty);
    System.setProperty(QUEUES, "atelier");
    WorkerConfig.Worker worker = WorkerConfig.load().worker();
    assertThatThrownBy(() -> WorkerMain.computeQueues(worker))
        .hasMessageStartingWith("atelier.worker.task-queues has 'atelier'; expected names such as");
  }

  @Test
  void shouldSendMailsOnlyWithAServerAndNoPasswordInTheClear() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerMain.mailServer(WorkerConfig.load().mail())).isEmpty();
    System.setProperty(MAIL + "host", "smtp.example.org");
    assertThatThrownBy(() -> WorkerMain.mailServer(WorkerConfig.load().mail()))
        .hasMessageStartingWith("atelier.mail.host needs atelier.mail.from");
    System.setProperty(MAIL + "from", "atelier@example.org");
    assertThat(WorkerMain.mailServer(WorkerConfig.load().mail())).isPresent();
    System.setProperty(MAIL + "user", "atelier");
    assertThatThrownBy(() -> WorkerMain.mailServer(WorkerConfig.load().mail()))
        .hasMessageContaining("go together");
    System.setProperty(MAIL + "password", "secret");
    assertThat(WorkerMain.mailServer(WorkerConfig.load().mail())).isPresent();
    System.setProperty(MAIL + "security", "none");
    assertThatThrownBy(() -> WorkerMain.mailServer(WorkerConfig.load().mail()))
        .hasMessageContaining("everybody could read atelier.mail.password");
  }

  @Test
  void shouldDoWithoutKeysOfTheStore() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerConfig.load().s3().accessKey()).hasValue("a");
    System.clearProperty("atelier.s3.access-key");
    System.setProperty("atelier.s3.secret-key", ""); // as an empty variable of the environment
    assertThat(WorkerConfig.load().s3().accessKey()).isEmpty();
    assertThat(WorkerConfig.load().s3().secretKey()).isEmpty();
    assertThat(WorkerConfig.load().s3().region()).isEmpty();
  }

  @Test
  void shouldPreferTheFileOfASecretToItsValue(@TempDir Path directory) throws IOException {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerConfig.load().database().password()).isEqualTo("a");
    Path file = Files.writeString(directory.resolve("password"), "from the file\n");
    System.setProperty(PASSWORD_FILE, file.toString());
    assertThat(WorkerConfig.load().database().password()).isEqualTo("from the file");
    System.clearProperty("atelier.database.password");
    assertThat(WorkerConfig.load().database().password()).isEqualTo("from the file");
  }
}
