package dev.atelier.workflows;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import com.tngtech.archunit.library.dependencies.SliceRule;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The lines of the layout table: what this module may know. */
class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.atelier");

  private static final SliceRule NO_CIRCLES_OF_FILES =
      slices().assignedFrom(new Files()).namingSlices("file $1").should().beFreeOfCycles();

  @Test
  void shouldDependOnNothingButTemporalJacksonAnnotationsAndValidation() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "javax.crypto..",
            "javax.net.ssl..", // this and gRPC: how a connection to Temporal is secured
            "io.grpc..",
            "dev.atelier.graph..",
            "dev.atelier.spec..",
            "dev.atelier.workflows..",
            "io.temporal..",
            "com.google.protobuf..",
            "com.fasterxml.jackson.annotation..",
            "jakarta.validation..")
        .check(CLASSES);
  }

  @Test
  void shouldKeepTemporalOutOfTheSpec() {
    noClasses()
        .that()
        .resideInAPackage("dev.atelier.spec..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.temporal..", "dev.atelier.workflows..")
        .check(CLASSES);
  }

  @Test
  void shouldKeepTheGraphPure() {
    classes()
        .that()
        .resideInAPackage("dev.atelier.graph..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("java.lang..", "java.util..", "dev.atelier.graph..")
        .check(CLASSES);
  }

  @Test
  void shouldHaveNoCirclesOfPackages() {
    slices().matching("dev.atelier.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void shouldHaveNoCirclesOfFiles() {
    NO_CIRCLES_OF_FILES.check(CLASSES);
  }

  @Test
  void shouldFindACircleOfFiles() {
    JavaClasses circle = new ClassFileImporter().importClasses(String.class, Integer.class);
    assertThatThrownBy(() -> NO_CIRCLES_OF_FILES.check(circle))
        .hasMessageContaining("Cycle detected: file java.lang.Integer");
  }

  /** A slice for each top-level class, with all that is nested in it. */
  private static final class Files implements SliceAssignment {

    @Override
    public SliceIdentifier getIdentifierOf(JavaClass type) {
      JavaClass file = type;
      while (file.getEnclosingClass().isPresent()) {
        file = file.getEnclosingClass().get();
      }
      Optional<JavaClass> built = built(file);
      if (built.isPresent()) {
        return getIdentifierOf(built.get()); // a generated builder is a part of its record
      }
      return SliceIdentifier.of(file.getName());
    }

    private static Optional<JavaClass> built(JavaClass type) {
      return type.tryGetMethod("build")
          .map(build -> build.getRawReturnType())
          .filter(record -> type.getSimpleName().endsWith(record.getSimpleName() + "Builder"));
    }

    @Override
    public String getDescription() {
      return "files";
    }
  }
}
