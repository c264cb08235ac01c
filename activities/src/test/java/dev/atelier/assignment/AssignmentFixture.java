package dev.atelier.assignment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** What {@code assignment_fixture.py} computed with NumPy, PyTorch and diffusers. */
public final class AssignmentFixture {

  private AssignmentFixture() {}

  public static JsonNode read(String name) {
    try (InputStream in =
        AssignmentFixture.class.getResourceAsStream("/assignment/assignment.json")) {
      return new ObjectMapper().readTree(in).get(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static double[] doubles(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asDouble();
    }
    return values;
  }
}
