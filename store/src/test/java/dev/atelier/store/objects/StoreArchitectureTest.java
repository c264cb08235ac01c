package dev.atelier.store.objects;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.Test;

/** The module of the store may be given to any program: it knows the client and nothing else. */
class StoreArchitectureTest {

  private static final ArchRule ALONE =
      classes()
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "dev.atelier.store.objects",
              "io.minio..",
              "okhttp3..",
              "io.micrometer.core.instrument..",
              "java..",
              "javax.net.ssl..");

  @Test
  void shouldKnowTheClientAndNothingElse() {
    JavaClasses store =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.atelier");
    ALONE.check(store);
  }

  @Test
  void shouldFindWhatKnowsMore() {
    JavaClasses tests = new ClassFileImporter().importClasses(StoreArchitectureTest.class);
    assertThatThrownBy(() -> ALONE.check(tests)).hasMessageContaining("com.tngtech.archunit");
  }
}
