import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** Serves the wire protocol of MongoDB on a port of the loopback, its data in one file: PORT FILE. */
public final class MongoForTests {
    /** The oldest version that PyMongo talks to; the library itself names none newer than wire version 8. */
    private static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(4, 4, 0);
        }

        @Override
        public int getWireVersion() {
            return 9;
        }

        @Override
        public String toVersionString() {
            return "4.4.0";
        }
    };

    public static void main(String[] words) {
        MongoServer server = new MongoServer(new H2Backend(words[1]).version(VERSION));
        server.bind("127.0.0.1", Integer.parseInt(words[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    }
}
