package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import io.temporal.api.common.v1.Payload;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DefaultDataConverter;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FormerNameTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final DataConverter TEMPORAL = DefaultDataConverter.STANDARD_INSTANCE;

  static Iterable<FormerName> names() {
    return FormerName.ALL;
  }

  @ParameterizedTest
  @MethodSource("names")
  void shouldReadPayloadsOfEarlierVersions(FormerName name) throws IOException {
    ObjectNode written = json(payload(anySpec()));
    holder(written, name.present()).remove(last(name.present()));
    holder(written, name.former()).put(last(name.former()), 0.25);

    ExperimentSpec read = spec(written);

    assertThat(holder(json(payload(read)), name.present()).get(last(name.present())).asDouble())
        .isEqualTo(0.25);
  }

  @ParameterizedTest
  @MethodSource("names")
  void shouldWriteWhatEarlierVersionsReadBesideItsName(FormerName name) throws IOException {
    ObjectNode other = json(payload(anySpec()));
    holder(other, name.former()).remove(last(name.former()));
    holder(other, name.present()).put(last(name.present()), 0.25);

    ObjectNode written = json(payload(spec(other)));

    assertThat(holder(written, name.former()).get(last(name.former())).asDouble()).isEqualTo(0.25);
    assertThat(spec(written)).isEqualTo(spec(other));
  }

  private static ExperimentSpec anySpec() {
    return ExperimentSpecBuilder.builder().build();
  }

  private static Payload payload(ExperimentSpec spec) {
    return TEMPORAL.toPayload(spec).orElseThrow();
  }

  private static ExperimentSpec spec(ObjectNode json) throws IOException {
    Payload payload =
        Payload.newBuilder()
            .putAllMetadata(Map.of("encoding", ByteString.copyFromUtf8("json/plain")))
            .setData(ByteString.copyFrom(JSON.writeValueAsBytes(json)))
            .build();
    return TEMPORAL.fromPayload(payload, ExperimentSpec.class, ExperimentSpec.class);
  }

  private static ObjectNode json(Payload payload) throws IOException {
    return (ObjectNode) JSON.readTree(payload.getData().toByteArray());
  }

  private static ObjectNode holder(ObjectNode document, String path) {
    return (ObjectNode)
        document.at("/" + path.substring(0, path.lastIndexOf('.')).replace('.', '/'));
  }

  private static String last(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }
}
