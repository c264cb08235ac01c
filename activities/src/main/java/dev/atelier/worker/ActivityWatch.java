package dev.atelier.worker;

import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.Timer;
import io.temporal.activity.ActivityInfo;
import io.temporal.client.ActivityCompletionException;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import io.temporal.failure.ApplicationFailure;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.MDC;

/**
 * Counts the attempts of activities and how they end, and gives what they log the names of their
 * experiment and model.
 */
final class ActivityWatch extends AroundActivities {

  static final String EXPERIMENT = "experimentId";
  static final String MODEL = "modelKey";
  static final String ACTIVITY = "activity";
  static final String ATTEMPT = "attempt";

  @Override
  ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
    Map<String, String> names = names(input.getArguments());
    names.put(ACTIVITY, info.getActivityType());
    names.put(ATTEMPT, Integer.toString(info.getAttempt()));
    names.forEach(MDC::put);
    if (info.getAttempt() > 1) {
      Metrics.counter("atelier.activity.retries", ACTIVITY, info.getActivityType()).increment();
    }
    Timer.Sample sample = Timer.start();
    String outcome = "completed";
    try {
      return attempt.run();
    } catch (RuntimeException e) {
      outcome = outcome(e);
      throw e;
    } finally {
      sample.stop(
          Metrics.timer("atelier.activity", ACTIVITY, info.getActivityType(), "outcome", outcome));
      names.keySet().forEach(MDC::remove);
    }
  }

  /** The type of the failure, of which there are few; {@code canceled} for those that were. */
  private static String outcome(RuntimeException e) {
    if (e instanceof ApplicationFailure failure) {
      return failure.getType();
    }
    return e instanceof ActivityCompletionException ? "canceled" : "failed";
  }

  /** What a task, the only argument of each activity, says of whose it is. */
  static Map<String, String> names(Object... arguments) {
    Map<String, String> names = new LinkedHashMap<>();
    for (Object argument : arguments) {
      if (argument instanceof TrainTeacher || argument instanceof ImportTeacher) {
        names.put(MODEL, ModelKey.TEACHER.value());
      }
      if (argument instanceof Record task) {
        for (RecordComponent component : task.getClass().getRecordComponents()) {
          if (component.getType() == ModelKey.class) {
            value(component, task).ifPresent(key -> names.put(MODEL, key.toString()));
          } else if (component.getName().equals(EXPERIMENT)) {
            value(component, task).ifPresent(id -> names.put(EXPERIMENT, id.toString()));
          }
        }
      }
    }
    return names;
  }

  private static Optional<Object> value(RecordComponent component, Record task) {
    try {
      return Optional.ofNullable(component.getAccessor().invoke(task));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("%s cannot be read.".formatted(component), e);
    }
  }
}
