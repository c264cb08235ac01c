package dev.atelier.worker;

import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.atelier.dataset.DatasetException;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.FeatureLossException;
import dev.atelier.network.GuidanceException;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.store.SupersededException;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.training.DivergedException;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.training.TrainingInterruptedException;
import dev.atelier.workflows.ErrorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FailuresTest {

  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(new DivergedException("student-1", 7, "loss NaN", 0), ErrorType.DIVERGED),
        Arguments.of(new StoreUnavailableException("away", null), ErrorType.STORE_UNAVAILABLE),
        Arguments.of(new SupersededException("late"), ErrorType.SUPERSEDED),
        Arguments.of(new ObjectCorruptException("flipped"), ErrorType.CHECKPOINT_CORRUPT),
        Arguments.of(new TrainingInterruptedException("teacher", 3), ErrorType.WORKER_LOST),
        Arguments.of(new DrainedException(), ErrorType.WORKER_LOST),
        Arguments.of(new EvaluationException("too few"), ErrorType.INVALID_SPEC),
        Arguments.of(new ExtractorException("no network"), ErrorType.EXTRACTOR_INVALID),
        Arguments.of(new TeacherException("t.pt", "no eps"), ErrorType.TEACHER_INVALID),
        Arguments.of(new FeatureLossException("no features"), ErrorType.INVALID_SPEC),
        Arguments.of(new GuidanceException("no text"), ErrorType.INVALID_SPEC),
        Arguments.of(
            new DatasetException(DatasetException.Kind.UNREACHABLE, "gone"),
            ErrorType.DATASET_UNREACHABLE),
        Arguments.of(
            new DatasetException(DatasetException.Kind.CORRUPT, "empty"),
            ErrorType.DATASET_CORRUPT),
        Arguments.of(new InvalidSpecException("no features"), ErrorType.INVALID_SPEC),
        Arguments.of(
            new StoreUnavailableException("x", new IOException("No space left on device")),
            ErrorType.DISK_FULL),
        Arguments.of(
            new StoreUnavailableException("x", new IOException("Connection reset")),
            ErrorType.STORE_UNAVAILABLE),
        Arguments.of(new OutOfMemoryError("heap"), ErrorType.OUT_OF_MEMORY),
        Arguments.of(
            MemoryRanOutException.of("Sampling", 4, 32, new OutOfMemoryError("heap")),
            ErrorType.OUT_OF_MEMORY),
        Arguments.of(new IOException("anything else"), ErrorType.INTERNAL));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void shouldGiveEachFailureItsType(Throwable failure, ErrorType type) {
    assertThat(Failures.typeOf(failure)).isEqualTo(type);
  }

  /** What the kernel itself says of a full device. */
  @Test
  void shouldKnowAFullDiskWhenAFileCannotBeWritten() {
    assertThat(Path.of("/dev/full")).isWritable();
    Throwable failure =
        catchThrowable(() -> Files.write(Path.of("/dev/full"), new byte[] {1}, WRITE));
    assertThat(Failures.typeOf(failure)).isEqualTo(ErrorType.DISK_FULL);
  }

  @Test
  void shouldAskLessOftenTheLongerItHasWaited() {
    assertThat(Failures.askAgainAfter(1)).isEqualTo(Duration.ofSeconds(5));
    assertThat(Failures.askAgainAfter(3)).isEqualTo(Duration.ofSeconds(15));
    assertThat(Failures.askAgainAfter(12)).isEqualTo(Duration.ofMinutes(1));
    assertThat(Failures.askAgainAfter(Integer.MAX_VALUE)).isEqualTo(Duration.ofMinutes(1));
  }
}
