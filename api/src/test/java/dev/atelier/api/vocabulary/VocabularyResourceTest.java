package dev.atelier.api.vocabulary;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import dev.atelier.api.LocalServers;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Series;
import dev.atelier.workflows.vocabulary.Subject;
import dev.atelier.workflows.vocabulary.Verdict;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LocalServers.class)
class VocabularyResourceTest {

  @Test
  void shouldServeEveryWordInItsOrder() {
    var answer = given().get("/api/v1/vocabulary").then().statusCode(200);

    answer.body("subjects[3].title", equalTo("O2MKD, partial"));
    answer.body(
        "artifactKinds.word",
        equalTo(List.of("grid", "grid-prompts", "trajectory", "report", "export")));
    var words = answer.extract();
    assertThat(words.<List<String>>path("subjects.word"))
        .isEqualTo(Arrays.stream(Subject.values()).map(Subject::word).toList());
    assertThat(words.<List<String>>path("series.word"))
        .isEqualTo(Arrays.stream(Series.values()).map(Series::word).toList());
    assertThat(words.<List<String>>path("eventKinds.word"))
        .isEqualTo(Arrays.stream(EventKind.values()).map(EventKind::word).toList());
    assertThat(words.<List<String>>path("verdicts.word"))
        .isEqualTo(Arrays.stream(Verdict.values()).map(Verdict::word).toList());
    assertThat(words.<List<String>>path("metrics.word"))
        .isEqualTo(Arrays.stream(Metric.values()).map(Metric::key).toList());
    answer.body("metrics[10].title", equalTo("CMMD"));
    answer.body("verdicts[1].title", equalTo("does not hold"));
    assertThat(words.<List<String>>path("eventKinds.description"))
        .doesNotContain("")
        .doesNotContainNull();
  }
}
