package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.workflows.Protocol;
import dev.atelier.workflows.ProtocolBuilder;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProtocolTest {

  @Test
  void shouldNameTheSamplerFullyWhenWritten() throws Exception {
    ObjectMapper json = new ObjectMapper().registerModule(new Jdk8Module());
    JsonNode written =
        json.valueToTree(
            ProtocolBuilder.builder()
                .metric("Fréchet distance")
                .extractor("random-conv")
                .extractorSha256("a")
                .samples(10)
                .referenceImages(20)
                .referenceSha256("b")
                .sampler(
                    Optional.of(
                        new SamplerSpec(Kind.DPM_SOLVER_PLUS_PLUS, 25, Spacing.TRAILING, 0.0)))
                .seed(Optional.of(3L))
                .codeVersion("v")
                .resolution(Optional.of(16))
                .kernel(Optional.of(new Protocol.Kernel(100, 10, 2020)))
                .build());
    assertThat(written.get("sampler"))
        .isEqualTo(
            json.readTree(
                "{\"kind\":\"dpm-solver++\",\"steps\":25,\"spacing\":\"trailing\",\"eta\":0.0,\"clip\":true}"));
    assertThat(json.treeToValue(written, Protocol.class).kernel())
        .contains(new Protocol.Kernel(100, 10, 2020));
    assertThat(json.readValue("{\"samples\": 7}", Protocol.class).kernel()).isEmpty();
  }
}
