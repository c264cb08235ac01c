package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class MemoryBoundTest {

  private static final OptionalLong NOT_SET = OptionalLong.empty();

  @Test
  void shouldGiveEachWorkerOfADeviceAnEqualPartOfTheMemory() {
    long alone = MemoryBound.bytes(NOT_SET, 1);

    assertThat(MemoryBound.bytes(NOT_SET, 2)).isEqualTo(alone / 2);
    assertThat(MemoryBound.bytes(OptionalLong.of(3_000_000_000L), 2)).isEqualTo(3_000_000_000L);
  }

  @Test
  void shouldRefusePartsThatNoModelFitsInto() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MemoryBound.bytes(NOT_SET, 100_000))
        .withMessageContaining("atelier.worker.device-workers is 100000, which leaves each ")
        .withMessageEndingWith("expected at least 1000000000.");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MemoryBound.bytes(NOT_SET, 0))
        .withMessage("atelier.worker.device-workers must be at least 1, found 0.");
  }

  @Test
  void shouldSampleInHalfOfAPartOfAGpuThatIsShared() {
    Optional<Long> part = Optional.of(8_000_000_000L);

    assertThat(MemoryBound.forSampling(NOT_SET, 4, part)).hasValue(4_000_000_000L);
    assertThat(MemoryBound.forSampling(OptionalLong.of(5), 4, part)).hasValue(5);
    assertThat(MemoryBound.forSampling(NOT_SET, 1, part)).isEmpty();
    assertThat(MemoryBound.forSampling(NOT_SET, 4, Optional.empty())).isEmpty();
  }
}
