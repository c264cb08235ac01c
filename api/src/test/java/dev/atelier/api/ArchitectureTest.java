package dev.atelier.api;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses API =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.atelier.api");

  @Test
  void shouldNotKnowTheEngine() {
    noClasses().should().dependOnClassesThat().resideInAnyPackage("ai.djl..").check(API);
  }

  @Test
  void shouldKnowOfAtelierOnlySpecAndWorkflowContracts() {
    DescribedPredicate<JavaClass> others =
        DescribedPredicate.describe(
            "parts of Atelier but the api, the spec, the workflow contracts and the object store",
            type ->
                type.getPackageName().startsWith("dev.atelier.")
                    && !type.getPackageName()
                        .matches(
                            "dev\\.atelier\\.(api(\\..*)?|spec|store\\.objects|workflows(\\..*)?)"));
    noClasses().should().dependOnClassesThat(others).check(API);
  }

  @Test
  void shouldLeaveTheStoresClientToTheModuleOfTheStore() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.minio..", "okhttp3..")
        .check(API);
  }

  @Test
  void shouldHaveNoCirclesOfPackages() {
    slices().matching("dev.atelier.(**)").should().beFreeOfCycles().check(API);
  }

  @Test
  void shouldKeepSqlOutOfParsersAndServices() {
    noClasses()
        .that()
        .resideInAPackage("dev.atelier.api.history")
        .or()
        .haveSimpleNameEndingWith("Service")
        .or()
        .haveSimpleNameEndingWith("Parameters")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.jdbi..", "java.sql..")
        .check(API);
  }

  @Test
  void shouldKeepSqlOfExperimentsBelowTheirResources() {
    noClasses()
        .that()
        .resideInAPackage("dev.atelier.api.experiment..")
        .and()
        .haveSimpleNameEndingWith("Resource")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.jdbi..", "java.sql..", "dev.atelier.api.temporal..")
        .check(API);
  }

  @Test
  void shouldTalkToTemporalInOnePackageOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.atelier.api.temporal")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.temporal..", "io.grpc..")
        .check(API);
  }
}
