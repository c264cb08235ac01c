package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.common.WorkerDeploymentVersion;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WorkerConfigTest {
  private static final String MEMORY = "atelier.worker.sampling-memory-bytes";
  private static final String DEPLOYMENT = "atelier.worker.deployment.name";
  private static final String BUILD = "atelier.worker.deployment.build-id";
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
    List.of(MEMORY, DEPLOYMENT, BUILD).forEach(System::clearProperty);
  }

  @Test
  void shouldBoundSamplingMemoryOnlyWhenConfigured() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerConfig.load().worker().samplingMemoryBytes()).isEmpty();
    System.setProperty(MEMORY, "1000000000");
    assertThat(WorkerConfig.load().worker().samplingMemoryBytes()).hasValue(1_000_000_000L);
  }

  @Test
  void shouldHaveNoVersionUnlessADeploymentIsNamedAndThenTheCodesOwn() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerMain.versioning(WorkerConfig.load().worker().deployment())).isEmpty();

    System.setProperty(DEPLOYMENT, "atelier");
    assertThat(version()).isEqualTo(new WorkerDeploymentVersion("atelier", CodeVersion.CURRENT));
    System.setProperty(BUILD, "7");
    assertThat(version()).isEqualTo(new WorkerDeploymentVersion("atelier", "7"));
  }

  private static WorkerDeploymentVersion version() {
    return WorkerMain.versioning(WorkerConfig.load().worker().deployment())
        .orElseThrow()
        .getVersion();
  }
}
