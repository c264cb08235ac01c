package dev.atelier.deploy;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Runs a test only where a program is that {@code ./atelier test} prepares; what was skipped for
 * want of one is in the table at the end of its run.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@Tag("real")
@ExtendWith(RequiresProgram.Condition.class)
public @interface RequiresProgram {

  /** The programs' names. */
  String[] value();

  /** Decides whether a test runs. */
  final class Condition implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return AnnotationSupport.findAnnotation(context.getElement(), RequiresProgram.class)
          .flatMap(
              required ->
                  Stream.of(required.value())
                      .map(program -> evaluate(program, Programs.find(program)))
                      .filter(ConditionEvaluationResult::isDisabled)
                      .findFirst())
          .orElse(ConditionEvaluationResult.enabled("every program is there"));
    }

    static ConditionEvaluationResult evaluate(String program, Optional<Path> found) {
      return found
          .map(path -> ConditionEvaluationResult.enabled("found " + path))
          .orElse(ConditionEvaluationResult.disabled("missing: " + program));
    }
  }
}
