package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.atelier.local.Chaos.Fault;
import dev.atelier.local.Chaos.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The faults of {@code bench/chaos}, a few rounds of each, on one stack. */
@Timeout(1800)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FaultsIT {

  private static final long SEED = 5;

  @TempDir static Path directory;
  private static ChaosStack stack;
  private static Chaos chaos;

  @BeforeAll
  static void trainInPeace() throws Exception {
    stack = new ChaosStack(directory.resolve("data"));
    chaos = new Chaos(stack, SEED, Duration.ofSeconds(10));
    chaos.trainInPeace();
  }

  @AfterAll
  static void stop() throws Exception {
    stack.close();
  }

  @ParameterizedTest
  @Order(1)
  @CsvSource({
    "KILL, 1",
    "ZOMBIE, 1",
    "S3, 3",
    "AWAY, 1",
    "POSTGRES, 1",
    "POISON, 1",
    "CANCEL, 1",
    "SOAK, 2",
  })
  void shouldKeepItsPromiseWhenDamaged(Fault fault, int rounds) throws Exception {
    Outcome outcome = chaos.run(fault, rounds);
    System.out.println(outcome.row());
    assertThat(outcome.broken()).isEmpty();
    assertThat(outcome.held()).isEqualTo(rounds);
  }

  @Test
  @Order(2)
  void shouldKeepACheckpointThatTakesAMinuteToSave() throws Exception {
    assertThat(chaos.lasting(Duration.ofMinutes(1)).run(Fault.DRAIN, 1).broken()).isEmpty();
  }

  @Test
  @Order(2)
  void shouldGoOnWhenTheDiskHasRoomAgain() throws Exception {
    assumeTrue(stack.canFillCache(), "A small disk takes root to mount.");
    assertThat(chaos.run(Fault.DISK, 1).broken()).isEmpty();
  }

  @Test
  @Order(2)
  void shouldGoOnWhenTemporalOrTheMachineStops() throws Exception {
    // The server in memory, which serves where there is no temporal program, forgets.
    assumeTrue(stack.hasDurableTemporal(), "missing: temporal");
    assertThat(chaos.run(Fault.TEMPORAL, 1).broken()).isEmpty();
    assertThat(chaos.run(Fault.MACHINE, 1).broken()).isEmpty();
  }

  @Test
  @Order(3)
  void shouldAgreeInTemporalPostgresAndS3AfterAllOfThat() throws Exception {
    assertThat(stack.hasDurableTemporal() ? chaos.differences() : stack.orphans()).isEmpty();
  }

  @Test
  @Order(4)
  void shouldNoticeAStaleWriteAndAnOrphan() throws Exception {
    String before = "select count(*) from chaos_write where writer <> owner";
    assertThat(stack.number(before)).isZero();
    stack.execute(
        """
        insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes)
        select id, 1, 'experiments/x/000000001-0/manifest.json', '', 0 from model limit 1
        """);
    assertThat(stack.number(before)).isEqualTo(1);
    stack.execute("delete from checkpoint where step = 1");

    stack.store().put("experiments/x/lost", new byte[] {1}, "application/octet-stream");
    assertThat(stack.orphans()).containsExactly("unknown experiments/x/lost");
  }
}
