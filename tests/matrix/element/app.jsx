// Element's components (matrix-react-sdk) in the smallest shell that they live in: a platform without
// notifications, one homeserver, which is wherever this page came from, and nothing of the outside.
import * as React from "react";
import * as ReactDOM from "react-dom";
import SdkConfig from "matrix-react-sdk/lib/SdkConfig";

const NAME = "a test's browser";
const homeserver = window.location.origin;
const shown = (screen) => (window.location.hash = `#/${screen}`);

function platform(BasePlatform) {
    return class Page extends BasePlatform {
        getConfig = async () => ({});
        getDefaultDeviceDisplayName = () => NAME;
        getHumanReadableName = () => NAME;
        requestNotificationPermission = async () => "denied";
        getAppVersion = async () => "0";
        reload = () => window.location.reload();
    };
}

async function begin() {
    // The others look at it while they are loaded.
    SdkConfig.default.put({
        brand: "Element",
        default_server_config: { "m.homeserver": { base_url: homeserver } },
        disable_guests: true,
    });
    const loaded = await Promise.all([
        import("matrix-react-sdk/lib/BasePlatform"),
        import("matrix-react-sdk/lib/PlatformPeg"),
        import("matrix-react-sdk/lib/components/structures/MatrixChat"),
        import("matrix-react-sdk/lib/utils/AutoDiscoveryUtils"),
        import("matrix-react-sdk/lib/languageHandler"),
    ]);
    const [BasePlatform, PlatformPeg, MatrixChat, Discovery] = loaded.map(
        (each) => each.default.default,
    );
    PlatformPeg.set(new (platform(BasePlatform))());
    await loaded[4].setLanguage(["en"]);
    const server = await Discovery.validateServerConfigWithStaticUrls(homeserver);
    SdkConfig.default.add({ validated_server_config: { ...server, isDefault: true } });
    const [screen] = window.location.hash.slice(2).split("?");
    const page = (
        <MatrixChat
            config={SdkConfig.default.get()}
            onNewScreen={shown}
            realQueryParams={{}}
            startingFragmentQueryParams={{}}
            initialScreenAfterLogin={{ screen, params: {} }}
            enableGuest={false}
            onTokenLoginCompleted={() => {}}
            defaultDeviceDisplayName={NAME}
        />
    );
    window.matrixChat = ReactDOM.render(page, document.getElementById("matrixchat"));
}

begin();
