package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.local.Chaos.Fault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The last resort, a stack without the {@code temporal} program, loses a worker. */
@Timeout(1800)
class InMemoryTemporalIT {

  private static final long SEED = 5;

  @TempDir private Path directory;

  @Test
  void shouldEndExperimentsWhenAWorkerIsKilledAndWhenTheMachineIs() throws Exception {
    try (ChaosStack stack = new ChaosStack(directory.resolve("data"), Optional.empty())) {
      assertThat(stack.hasDurableTemporal()).isFalse();
      Chaos chaos = new Chaos(stack, SEED, Duration.ofSeconds(10));
      chaos.trainInPeace();

      assertThat(chaos.run(Fault.KILL, 1).broken()).isEmpty();
      assertThat(chaos.run(Fault.MACHINE, 1).broken()).isEmpty();
    }
  }
}
