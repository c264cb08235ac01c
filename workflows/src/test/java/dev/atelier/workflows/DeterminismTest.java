package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaFieldAccess;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.temporal.workflow.Workflow;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * A workflow is replayed from its history, so that it must not read clocks, draw at random, start
 * threads, do I/O or keep state outside itself: neither it nor what it calls. These are the rules
 * of temporal-workflowcheck, which is not on Maven Central.
 */
class DeterminismTest {

  private static final Pattern FORBIDDEN =
      Pattern.compile(
          String.join(
              "|",
              "java\\.lang\\.System\\.(currentTimeMillis|nanoTime|getenv|getProperty|exit|out|err|in)",
              "java\\.lang\\.(Thread|ThreadLocal|Process|ProcessBuilder|ProcessHandle|Runtime)\\..*",
              "java\\.lang\\.Math\\.random",
              "java\\.lang\\.Object\\.(wait|notify|notifyAll)",
              "java\\.util\\.(Random|SplittableRandom|Timer)\\..*",
              "java\\.util\\.UUID\\.randomUUID",
              "java\\.util\\.Date\\.<init>",
              "java\\.util\\.(Collection|List|Set)\\.parallelStream",
              "java\\.util\\.(HashMap|HashSet|IdentityHashMap)\\.(iterator|forEach|stream|keySet|values|entrySet)",
              "java\\.time\\..*\\.now",
              "java\\.util\\.concurrent\\..*",
              "java\\.(io|net|sql|nio\\.file\\.Files|nio\\.channels)\\..*",
              "io\\.temporal\\.activity\\.Activity\\..*"));

  private static final Pattern ALLOWED =
      Pattern.compile("java\\.io\\.(UncheckedIOException|IOException|Serializable)\\..*");

  /** Every forbidden access of the workflow {@code type} and of what it calls. */
  private static List<String> breaches(JavaClass type) {
    List<String> breaches = new ArrayList<>();
    Deque<JavaCodeUnit> open = new ArrayDeque<>(type.getCodeUnits());
    Set<JavaCodeUnit> seen = new HashSet<>(open);
    while (!open.isEmpty()) {
      JavaCodeUnit unit = open.pop();
      for (JavaAccess<?> access : unit.getAccessesFromSelf()) {
        String target = access.getTargetOwner().getName() + "." + access.getTarget().getName();
        boolean forbidden =
            FORBIDDEN.matcher(target).matches() && !ALLOWED.matcher(target).matches();
        if (forbidden || isSharedState(access)) {
          breaches.add("%s uses %s".formatted(unit.getFullName(), target));
        }
        if (access.getTarget().resolveMember().orElse(null) instanceof JavaCodeUnit called
            && called.getOwner().getPackageName().startsWith("dev.atelier")
            && seen.add(called)) {
          open.push(called);
        }
      }
    }
    return breaches;
  }

  private static boolean isSharedState(JavaAccess<?> access) {
    return access instanceof JavaFieldAccess field
        && field.getTarget().resolveMember().stream()
            .map(JavaField::getModifiers)
            .anyMatch(m -> m.contains(JavaModifier.STATIC) && !m.contains(JavaModifier.FINAL));
  }

  @Test
  void shouldFindNothingNonDeterministicInTheWorkflows() {
    JavaClasses classes = new ClassFileImporter().importPackages("dev.atelier");
    for (Class<?> workflow : List.of(DistillationWorkflowImpl.class, StudyWorkflowImpl.class)) {
      assertThat(breaches(classes.get(workflow))).isEmpty();
    }
  }

  @Test
  void shouldFindClocksRandomnessAndSharedStateHoweverDeepTheyAre() {
    JavaClasses classes = new ClassFileImporter().importPackages("dev.atelier");
    assertThat(breaches(classes.get(Mutant.class)))
        .anySatisfy(b -> assertThat(b).contains("Helper.now").contains("currentTimeMillis"))
        .anySatisfy(b -> assertThat(b).contains("ThreadLocalRandom.current"))
        .anySatisfy(b -> assertThat(b).contains("Instant.now"))
        .anySatisfy(b -> assertThat(b).contains("Mutant.shared"));
  }

  /** Does what a workflow must not do: directly, by a helper, in a lambda and by a reference. */
  static final class Mutant implements StudyWorkflow {

    static int shared;

    @Override
    public void run(Input input) {
      shared++;
      Workflow.await(() -> ThreadLocalRandom.current().nextBoolean());
      Supplier<Object> time = java.time.Instant::now;
      Workflow.sleep(Helper.now() + time.hashCode());
    }

    @Override
    public void memberStage(MemberStage member) {}

    @Override
    public Progress progress() {
      return new Progress(StudyStage.DONE, 0, 0, 0, 0);
    }
  }

  private static final class Helper {
    static long now() {
      return System.currentTimeMillis();
    }
  }
}
