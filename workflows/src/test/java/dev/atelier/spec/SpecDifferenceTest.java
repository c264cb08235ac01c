package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SpecDifferenceTest {

  private static NetworkSpec transformer(int heads) {
    return NetworkSpec.of(new TransformerSpec(4, 2, heads, 16, null, null));
  }

  @Test
  void shouldNameEachFieldInWhichTwoNetworksDifferAsUsersWriteIt() {
    NetworkSpec one = NetworkSpecBuilder.builder().multipliers(List.of(1, 2)).build();
    NetworkSpec other =
        NetworkSpecBuilder.builder(one)
            .channels(64)
            .multipliers(List.of(1, 2, 2))
            .variant(Optional.of(NetworkSpec.Variant.DIFFUSERS))
            .build();
    assertThat(SpecDifference.between(one, other))
        .containsExactly(
            new SpecDifference("channels", one.channels().toString(), "64"),
            new SpecDifference("multipliers", "[1, 2]", "[1, 2, 2]"),
            new SpecDifference("variant", "none", "diffusers"));
    assertThat(SpecDifference.between(one, NetworkSpecBuilder.builder(one).build())).isEmpty();
  }

  @Test
  void shouldNameFieldsOfPartsThatBothHave() {
    NetworkSpec one = transformer(2);
    NetworkSpec other = transformer(4);
    assertThat(SpecDifference.between(one, other))
        .containsExactly(new SpecDifference("transformer.heads", "2", "4"));
    assertThat(SpecDifference.between(one, NetworkSpecBuilder.builder().build()))
        .contains(new SpecDifference("transformer", "given", "none"));
  }

  @Test
  void shouldSayWhichFieldsOfAUNetStandBesideATransformer() {
    NetworkSpec both = NetworkSpecBuilder.builder(transformer(2)).resBlocks(7).build();
    ExperimentSpec spec =
        ExperimentSpecBuilder.builder()
            .students(StudentsSpecBuilder.builder().network(both).build())
            .build();
    assertThat(SpecRules.check(spec, List.of()))
        .contains(
            new SpecFault(
                "students.network.transformer",
                "is in place of a U-Net: expected no other field of the network, found resBlocks 7."));
  }
}
