// Every word of the page in both languages; a key that one of them lacks is a fault that a test finds.

export const WORDS = {
  fr: {
    title: "Vue en direct",
    lead: "Les images sont masquées à la source : ce qui est privé ne quitte jamais le mât.",
    grant: "Votre autorisation",
    hint: "Elle reste dans la mémoire de cette page et disparaît quand vous la fermez.",
    enter: "Voir les caméras",
    leave: "Quitter",
    layouts: "Nombre de vues",
    until: "Autorisation valable jusqu'à {time}",
    open: "Agrandir {name}",
    back: "Revenir à la mosaïque ({name})",
    connecting: "Connexion…",
    retrying: "Image interrompue. Nouvel essai dans {seconds} s.",
    refused401: "Autorisation refusée. {why}",
    refused403: "Cette autorisation ne couvre pas cette caméra. {why}",
    refused503: "Pas de place pour l'instant : {why}. Nouvel essai dans {seconds} s.",
    refused: "Le mât a refusé. {why}",
    unreachable: "Le mât ne répond pas. Nouvel essai.",
    unplayable: "Ce navigateur ne sait pas lire cette vidéo (WebRTC, H.264).",
    capture: "Caméra",
    capture_live: "En direct",
    capture_lost: "Caméra perdue",
    capture_starting: "Démarrage",
    masks_burned: "Masques incrustés",
    masks_blind: "Image entièrement masquée",
    recording_yes: "Enregistrement scellé",
    recording_no: "Pas d'enregistrement",
    minimum: "Sous le minimum légal",
    picture: "Image",
    rate: "Cadence",
    bitrate: "Débit",
    viewers: "Personnes qui regardent",
    masked: "Part masquée",
    segment: "Dernier segment",
    none: "aucun",
    fps: "{value} images/s",
    clock: "Heure du mât non synchronisée",
  },
  en: {
    title: "Live view",
    lead: "Pictures are masked at the source: what is private never leaves the mast.",
    grant: "Your grant",
    hint: "It stays in this page's memory and is gone when you close it.",
    enter: "See the cameras",
    leave: "Leave",
    layouts: "Number of views",
    until: "Grant valid until {time}",
    open: "Enlarge {name}",
    back: "Back to the wall ({name})",
    connecting: "Connecting…",
    retrying: "The picture stopped. Trying again in {seconds} s.",
    refused401: "Grant refused. {why}",
    refused403: "This grant does not cover this camera. {why}",
    refused503: "No room just now: {why}. Trying again in {seconds} s.",
    refused: "The mast refused. {why}",
    unreachable: "The mast does not answer. Trying again.",
    unplayable: "This browser cannot play this video (WebRTC, H.264).",
    capture: "Camera",
    capture_live: "Live",
    capture_lost: "Camera lost",
    capture_starting: "Starting",
    masks_burned: "Masks burned in",
    masks_blind: "Whole picture masked",
    recording_yes: "Sealed recording",
    recording_no: "Not recording",
    minimum: "Below the legal minimum",
    picture: "Picture",
    rate: "Rate",
    bitrate: "Bitrate",
    viewers: "People watching",
    masked: "Share masked",
    segment: "Last segment",
    none: "none",
    fps: "{value} frames/s",
    clock: "Mast's clock not synchronised",
  },
};

let language = (navigator.language || "fr").toLowerCase().startsWith("fr") ? "fr" : "en";

export const current = () => language;

export function choose(next) {
  language = next;
}

/** The text under `key` in the page's language, its {places} filled. */
export function say(key, places = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => places[name] ?? "");
}
