package dev.atelier.deploy;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Runs a test only where a program is on the PATH or in {@code ~/go/bin}. Where {@code
 * ATELIER_REQUIRE_REAL} is 1, as in continuous integration, a missing program fails the test.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@ExtendWith(RequiresProgram.Condition.class)
public @interface RequiresProgram {

  /** The program's name. */
  String value();

  /** Decides whether a test runs. */
  final class Condition implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return AnnotationSupport.findAnnotation(context.getElement(), RequiresProgram.class)
          .map(
              required ->
                  evaluate(
                      required.value(),
                      Programs.find(required.value()),
                      "1".equals(System.getenv("ATELIER_REQUIRE_REAL"))))
          .orElse(ConditionEvaluationResult.enabled("needs no program"));
    }

    static ConditionEvaluationResult evaluate(
        String program, Optional<Path> found, boolean mustBeThere) {
      if (found.isPresent()) {
        return ConditionEvaluationResult.enabled("found " + found.get());
      }
      String missing = "'%s' is neither on the PATH nor in ~/go/bin".formatted(program);
      if (mustBeThere) {
        throw new IllegalStateException(
            missing + ", and ATELIER_REQUIRE_REAL=1 allows no test to be skipped.");
      }
      System.err.printf("Skipping a test: %s; .ci/run installs it.%n", missing);
      return ConditionEvaluationResult.disabled(missing);
    }
  }
}
