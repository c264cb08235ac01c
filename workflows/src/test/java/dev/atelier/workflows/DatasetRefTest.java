package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.workflows.PassedOver.Reason;
import java.util.List;
import org.junit.jupiter.api.Test;

class DatasetRefTest {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());
  private static final DatasetRef DATASET =
      new DatasetRef(
          "d",
          7,
          16,
          3,
          4,
          0,
          List.of(
              new PassedOver(Reason.DAMAGED, 1, List.of("a.png")),
              new PassedOver(Reason.ENCRYPTED, 3, List.of("b.png", "c.png")),
              new PassedOver(Reason.HIDDEN, 9, List.of(".d"))));

  @Test
  void shouldSayHowManyImagesAreLostAndWhy() {
    assertThat(DATASET.loss())
        .hasValue("4 of 11 images are lost; damaged: 1 (a.png); encrypted: 3 (b.png, c.png, …)");
    assertThat(DATASET.withoutPassedOver().loss()).isEmpty();
  }

  @Test
  void shouldReadWhatIsWrittenAndWhatWasWrittenBeforeFilesWereCounted() throws Exception {
    String json = JSON.writeValueAsString(DATASET);
    assertThat(json).contains("{\"reason\":\"damaged\",\"files\":1,\"examples\":[\"a.png\"]}");
    assertThat(JSON.readValue(json, DatasetRef.class)).isEqualTo(DATASET);
    DatasetRef plain = DATASET.withoutPassedOver();
    String before =
        "{\"sha256\":\"d\",\"images\":7,\"resolution\":16,\"channels\":3,\"skipped\":4,\"classes\":0}";
    assertThat(JSON.writeValueAsString(plain)).isEqualTo(before);
    assertThat(JSON.readValue(before, DatasetRef.class)).isEqualTo(plain);
  }

  @Test
  void shouldCarryTheNumberOfCaptionsWhereThereAreAny() throws Exception {
    DatasetRef captioned = new DatasetRef("d", 7, 16, 3, 4, 0, DATASET.passedOver(), 35);
    String json = JSON.writeValueAsString(captioned);
    assertThat(json).contains("\"captions\":35");
    assertThat(JSON.readValue(json, DatasetRef.class)).isEqualTo(captioned);
    assertThat(captioned.withoutPassedOver().captions()).isEqualTo(35);
  }
}
