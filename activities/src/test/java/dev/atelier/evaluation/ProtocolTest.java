package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.workflows.Protocol;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProtocolTest {

  @Test
  void shouldNameTheSamplerFullyWhenWritten() throws Exception {
    ObjectMapper json = new ObjectMapper().registerModule(new Jdk8Module());
    JsonNode written =
        json.valueToTree(
            new Protocol(
                "Fréchet distance",
                "random-conv",
                "a",
                Optional.empty(),
                10,
                20,
                "b",
                Optional.of(new SamplerSpec(Kind.DPM_SOLVER_PLUS_PLUS, 25, Spacing.TRAILING, 0.0)),
                Optional.of(3L),
                "v",
                Optional.of(16),
                Optional.empty(),
                Optional.empty(),
                Optional.of(new Protocol.Kernel(100, 10, 2020)),
                Optional.empty(),
                Optional.empty()));
    assertThat(written.get("sampler"))
        .isEqualTo(
            json.readTree(
                "{\"kind\":\"dpm-solver++\",\"steps\":25,\"spacing\":\"trailing\",\"eta\":0.0,\"clip\":true}"));
    assertThat(json.treeToValue(written, Protocol.class).kernel())
        .contains(new Protocol.Kernel(100, 10, 2020));
    assertThat(json.readValue("{\"samples\": 7}", Protocol.class).kernel()).isEmpty();
  }
}
