package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
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
                new SamplerSpec(Kind.DPM_SOLVER_PLUS_PLUS, 25, Spacing.TRAILING, 0.0),
                3,
                "v"));
    assertThat(written.get("sampler"))
        .isEqualTo(
            json.readTree(
                "{\"kind\":\"dpm-solver++\",\"steps\":25,\"spacing\":\"trailing\",\"eta\":0.0}"));
  }
}
