package dev.atelier.api.parameter;

import jakarta.ws.rs.QueryParam;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;

/** Which page of a list is asked for; either may be null. */
public record PageParameters(
    @QueryParam("limit")
        @Parameter(
            schema =
                @Schema(
                    type = SchemaType.INTEGER,
                    minimum = "1",
                    maximum = "200",
                    defaultValue = "50"))
        String limit,
    @QueryParam("cursor") @Parameter(description = "nextCursor of the page before") String cursor) {

  /** The most that a page can hold. */
  public static final int MOST = 200;

  private static final int STANDARD = 50;

  /** The longest page that begins at a cursor. */
  public static PageParameters longest(Optional<String> cursor) {
    return new PageParameters(Integer.toString(MOST), cursor.orElse(null));
  }

  /** How many rows it may have; what is wrong with the number joins the others' faults. */
  public int size(ListParameters parameters) {
    return parameters.limit(limit, STANDARD, MOST);
  }

  /**
   * The same, where nothing else can be wrong.
   *
   * @throws dev.atelier.api.problem.ProblemException 400 if it is no such number
   */
  public int size() {
    ListParameters parameters = new ListParameters();
    int size = size(parameters);
    parameters.check();
    return size;
  }
}
