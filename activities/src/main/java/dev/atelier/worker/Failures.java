package dev.atelier.worker;

import dev.atelier.dataset.DatasetException;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.FeatureLossException;
import dev.atelier.network.GuidanceException;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.reuse.DoneElsewhereException;
import dev.atelier.store.SupersededException;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.training.DivergedException;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.training.TrainingInterruptedException;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.Activity;
import io.temporal.client.ActivityCompletionException;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TemporalFailure;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns what can go wrong in the work into the failure types that workflows know. */
final class Failures {

  private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

  private static final Duration FIRST_ASKED_AGAIN = Duration.ofSeconds(5);
  private static final Duration ASKED_AGAIN_WITHIN = Duration.ofMinutes(1);
  private static final int MAX_SENTENCE = 2000; // characters; Temporal keeps 4 KB of a failure
  private static final int FRAMES = 10; // of some 120 characters; the log has all

  private Failures() {}

  static void translating(Runnable work) {
    translating(
        () -> {
          work.run();
          return null;
        });
  }

  /** Runs the work of an activity; what it throws becomes a failure of an {@link ErrorType}. */
  static <T> T translating(Callable<T> work) {
    try {
      return work.call();
    } catch (ActivityCompletionException | TemporalFailure e) {
      throw e; // canceled, or already a failure
    } catch (DoneElsewhereException e) { // no fault, and asked again for hours: nothing to log
      int attempt = Activity.getExecutionContext().getInfo().getAttempt();
      throw ErrorType.DONE_ELSEWHERE.retriedAfter(askAgainAfter(attempt), e.getMessage());
    } catch (Exception | OutOfMemoryError e) {
      ErrorType type = typeOf(e);
      int attempt = Activity.getExecutionContext().getInfo().getAttempt();
      LOG.warn("Attempt {} failed with {}: {}", attempt, type, e.getMessage(), e);
      throw inShort(type.failure(sentence(e), attempt));
    }
  }

  /** Grows with the wait, so that hundreds may wait for hours without keeping Temporal busy. */
  static Duration askAgainAfter(int attempt) {
    return FIRST_ASKED_AGAIN.multipliedBy(
        Math.min(attempt, ASKED_AGAIN_WITHIN.dividedBy(FIRST_ASKED_AGAIN)));
  }

  static ErrorType typeOf(Throwable failure) {
    if (FullDisk.behind(failure).isPresent()) {
      return ErrorType.DISK_FULL; // also where a store's file could not be kept
    } else if (failure instanceof StoreUnavailableException) {
      return ErrorType.STORE_UNAVAILABLE;
    } else if (failure instanceof SupersededException) {
      return ErrorType.SUPERSEDED;
    } else if (failure instanceof ObjectCorruptException) {
      return ErrorType.CHECKPOINT_CORRUPT;
    } else if (failure instanceof DivergedException) {
      return ErrorType.DIVERGED;
    } else if (failure instanceof TrainingInterruptedException
        || failure instanceof DrainedException) {
      return ErrorType.WORKER_LOST; // drained: another worker goes on
    } else if (failure instanceof DatasetException dataset) {
      return dataset.kind() == DatasetException.Kind.UNREACHABLE
          ? ErrorType.DATASET_UNREACHABLE
          : ErrorType.DATASET_CORRUPT;
    } else if (failure instanceof EvaluationException) {
      return ErrorType.INVALID_SPEC;
    } else if (failure instanceof ExtractorException) {
      return ErrorType.EXTRACTOR_INVALID;
    } else if (failure instanceof InvalidSpecException) {
      return ErrorType.INVALID_SPEC;
    } else if (failure instanceof TeacherException) {
      return ErrorType.TEACHER_INVALID;
    } else if (failure instanceof FeatureLossException || failure instanceof GuidanceException) {
      return ErrorType.INVALID_SPEC; // of a teacher that is known once it is imported
    } else if (MemoryRanOutException.isBehind(failure)) {
      return ErrorType.OUT_OF_MEMORY;
    }
    return ErrorType.INTERNAL;
  }

  /** One line of bounded length: parts of it may come from a user's file. */
  private static String bounded(String message) {
    String line = message.strip().replaceAll("\\s*\\R\\s*", " ");
    return line.length() <= MAX_SENTENCE ? line : line.substring(0, MAX_SENTENCE) + "…";
  }

  private static String sentence(Throwable failure) {
    Optional<Throwable> full = FullDisk.behind(failure);
    if (full.isPresent()) {
      return "The worker's disk is full: %s. The work goes on from its last checkpoint once there is room below atelier.worker.cache-dir."
          .formatted(full.get().getMessage());
    }
    String message = failure.getMessage();
    return message == null ? failure.getClass().getSimpleName() : bounded(message);
  }

  /** Without most of what is around every attempt: the server cuts a long failure, type and all. */
  private static ApplicationFailure inShort(ApplicationFailure failure) {
    StackTraceElement[] whole = failure.getStackTrace();
    failure.setStackTrace(Arrays.copyOf(whole, Math.min(whole.length, FRAMES)));
    return failure;
  }
}
